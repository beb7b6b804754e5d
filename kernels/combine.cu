// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/cuda_kernels.h"
#include "kernels/detail/rows.cuh"

namespace hecaton::kernels::detail {
namespace {

/// One warp per token. A lane sums the K contributions to its pack in registers, in the order of
/// k, so the result is written once and never depends on scheduling.
template <typename Scalar, int kWidth>
__global__ void combine_kernel(CombineArguments arguments) {
  using Sum = Math<Scalar>;
  using RowPack = Pack<Scalar, kWidth>;
  const auto* rows = static_cast<const RowPack*>(arguments.rows_RD);
  const auto* weight = static_cast<const Sum*>(arguments.weight_TK);
  auto* out = static_cast<RowPack*>(arguments.out_TD);
  const int64_t K = arguments.K;
  const int64_t packs_per_row = arguments.D / kWidth;
  for (int64_t t = warp_idx(); t < arguments.T; t += num_warps()) {
    for (int64_t i = threadIdx.x; i < packs_per_row; i += kWarpSize) {
      Sum sums[kWidth] = {};
      for (int64_t slot = t * K; slot < (t + 1) * K; ++slot) {
        const int64_t row = arguments.row_of_slot_TK[slot];
        if (row < 0) {
          continue;
        }
        const Sum factor = weight == nullptr ? Sum{1} : weight[slot];
        const RowPack pack = rows[row * packs_per_row + i];
        for (int j = 0; j < kWidth; ++j) {
          sums[j] += factor * static_cast<Sum>(pack.values[j]);
        }
      }
      RowPack result;
      for (int j = 0; j < kWidth; ++j) {
        result.values[j] = static_cast<Scalar>(sums[j]);
      }
      out[t * packs_per_row + i] = result;
    }
  }
}

template <typename Scalar>
__global__ void gather_kernel(const Scalar* value, const int32_t* idx, Scalar* out, int64_t size) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size; i += step) {
    out[i] = idx[i] < 0 ? Scalar{0} : value[idx[i]];
  }
}

}  // namespace

void combine_rows_cuda(FloatType type, const CombineArguments& arguments, Stream stream) {
  with_scalar(type, [&](auto zero) {
    using Scalar = decltype(zero);
    constexpr int kWidth = kPackBytes / sizeof(Scalar);
    const auto row_bytes = arguments.D * static_cast<int64_t>(sizeof(Scalar));
    const bool has_packs = fits(kPackBytes, row_bytes, arguments.rows_RD, arguments.out_TD);
    auto* const kernel = has_packs ? combine_kernel<Scalar, kWidth> : combine_kernel<Scalar, 1>;
    kernel<<<warp_grid(arguments.T), warp_block(), 0, stream>>>(arguments);
    HECATON_CUDA(cudaGetLastError());
  });
}

void gather_values_cuda(
    FloatType type, const void* value, const int32_t* idx, void* out, int64_t size, Stream stream) {
  with_wide_scalar(type, [&](auto zero) {
    using Scalar = decltype(zero);
    constexpr int kThreads = kWarpSize * kWarpsPerBlock;
    const dim3 grid = warp_grid((size + kWarpSize - 1) / kWarpSize);
    gather_kernel<<<grid, kThreads, 0, stream>>>(
        static_cast<const Scalar*>(value), idx, static_cast<Scalar*>(out), size);
    HECATON_CUDA(cudaGetLastError());
  });
}

}  // namespace hecaton::kernels::detail
