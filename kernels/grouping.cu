// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cub/device/device_scan.cuh>

#include "kernels/detail/cuda_kernels.h"
#include "kernels/detail/rows.cuh"

// Stable counting sort. One warp walks through each tile, twice: first to count, then to place. The
// tile's counters stand in global memory, a word for each expert that no other warp touches, so
// neither the number of experts nor of slots has a limit of its own. Tiles are small: a walk is a
// few steps long, whatever the number of slots.

namespace hecaton::kernels::detail {
namespace {

constexpr int64_t kMinSlotsPerTile = 256;  // 8 steps of a warp

/// The lanes of a warp whose slots go to the same expert, for a slot that is used.
struct Peers {
  int count;   ///< of them
  int rank;    ///< of this lane among them
  int leader;  ///< the first of them
};

/// Every lane of the warp calls it.
__device__ Peers find_peers(int32_t expert) {
  const unsigned lanes = __match_any_sync(kWholeWarp, expert);
  const unsigned before = (1U << threadIdx.x) - 1;
  return {__popc(lanes), __popc(lanes & before), __ffs(static_cast<int>(lanes)) - 1};
}

/// Calls body(slot, expert) for the slots of each tile, in their order. Lanes beyond the end and
/// slots with an expert that does not exist take part as unused, expert -1.
template <typename Body>
__device__ void for_each_slot(const GroupingArguments& arguments, const Body& body) {
  const GroupingPlan& plan = arguments.plan;
  for (int64_t tile = warp_idx(); tile < plan.num_tiles; tile += num_warps()) {
    const int64_t begin = tile * plan.slots_per_tile;
    const int64_t end = min(begin + plan.slots_per_tile, arguments.S);
    for (int64_t first = begin; first < end; first += kWarpSize) {
      const int64_t slot = first + threadIdx.x;
      body(tile, slot, slot < end ? arguments.expert_idx_S[slot] : -1);
      __syncwarp();  // what one lane counted, another goes on from
    }
  }
}

__global__ void count_kernel(GroupingArguments arguments) {
  const GroupingPlan& plan = arguments.plan;
  for_each_slot(arguments, [&](int64_t tile, int64_t /*slot*/, int32_t expert) {
    const Peers peers = find_peers(expert);
    if (expert < 0 || peers.rank > 0) {
      return;
    }
    if (expert < arguments.E) {
      arguments.counts[expert * plan.num_tiles + tile] += peers.count;
    } else {
      atomicMax(&arguments.counts[plan.num_counts + 1], expert);
    }
  });
}

/// The counts have become the first rows of each expert in each tile.
__global__ void num_rows_kernel(GroupingArguments arguments) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  const int64_t num_tiles = arguments.plan.num_tiles;
  for (int64_t e = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; e < arguments.E; e += step) {
    arguments.num_rows_E[e] =
        arguments.counts[(e + 1) * num_tiles] - arguments.counts[e * num_tiles];
  }
}

__global__ void place_kernel(GroupingArguments arguments) {
  const GroupingPlan& plan = arguments.plan;
  for_each_slot(arguments, [&](int64_t tile, int64_t slot, int32_t expert) {
    const Peers peers = find_peers(expert);
    const bool is_used = expert >= 0 && expert < arguments.E;
    int32_t first_row = 0;
    if (is_used && peers.rank == 0) {
      int32_t& next_row = arguments.counts[expert * plan.num_tiles + tile];
      first_row = next_row;
      next_row += peers.count;
    }
    first_row = __shfl_sync(kWholeWarp, first_row, peers.leader);
    if (is_used) {
      arguments.slot_of_row_S[first_row + peers.rank] = static_cast<int32_t>(slot);
    }
    if (slot < arguments.S) {
      arguments.row_of_slot_S[slot] = is_used ? first_row + peers.rank : -1;
    }
  });
}

}  // namespace

GroupingPlan plan_grouping_cuda(int64_t S, int64_t E) {
  GroupingPlan plan{};
  // With at least E slots to a tile there are no more counts than slots and experts together.
  plan.slots_per_tile = std::max(kMinSlotsPerTile, (E + kWarpSize - 1) / kWarpSize * kWarpSize);
  plan.num_tiles = (S + plan.slots_per_tile - 1) / plan.slots_per_tile;
  plan.num_counts = E * plan.num_tiles;
  size_t scan_bytes = 0;
  int32_t* const counts = nullptr;
  HECATON_CUDA(
      cub::DeviceScan::ExclusiveSum(nullptr, scan_bytes, counts, counts, plan.num_counts + 1));
  plan.scan_bytes = static_cast<int64_t>(scan_bytes);
  return plan;
}

void group_by_expert_cuda(const GroupingArguments& arguments, Stream stream) {
  const GroupingPlan& plan = arguments.plan;
  const auto counts_bytes = static_cast<size_t>(plan.num_counts + 2) * sizeof(int32_t);
  HECATON_CUDA(cudaMemsetAsync(arguments.counts, 0, counts_bytes, stream));
  count_kernel<<<warp_grid(plan.num_tiles), warp_block(), 0, stream>>>(arguments);
  HECATON_CUDA(cudaGetLastError());
  // The sum over one entry more, a zero, leaves R there.
  auto scan_bytes = static_cast<size_t>(plan.scan_bytes);
  HECATON_CUDA(cub::DeviceScan::ExclusiveSum(
      arguments.scan, scan_bytes, arguments.counts, arguments.counts, plan.num_counts + 1, stream));
  const dim3 expert_grid = warp_grid((arguments.E + kWarpSize - 1) / kWarpSize);
  num_rows_kernel<<<expert_grid, kWarpSize * kWarpsPerBlock, 0, stream>>>(arguments);
  HECATON_CUDA(cudaGetLastError());
  place_kernel<<<warp_grid(plan.num_tiles), warp_block(), 0, stream>>>(arguments);
  HECATON_CUDA(cudaGetLastError());
}

}  // namespace hecaton::kernels::detail
