// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/grad_norm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/full.h>

#include "core/check.h"
#include "core/trace.h"

namespace hecaton::optim {
namespace {

/// The sum of some squares in sixteen sums side by side: one alone would wait for each addition.
template <typename Number>
double sum_of_squares(const Number* data, int64_t count) {
  constexpr int64_t kLanes = 16;
  std::array<double, kLanes> sums{};
  const auto add = [&sums](size_t lane, Number value) {
    sums[lane] += static_cast<double>(value) * static_cast<double>(value);
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      add(static_cast<size_t>(lane), data[i + lane]);
    }
  }
  for (int64_t lane = 0; i + lane < count; ++lane) {
    add(static_cast<size_t>(lane), data[i + lane]);
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// Sums of fixed blocks, then the blocks in order: the same bits for every thread count.
double sum_of_squares(const at::Tensor& flat_Z) {
  constexpr int64_t kBlock = 1 << 14;
  const int64_t Z = flat_Z.numel();
  std::vector<double> block_sums(static_cast<size_t>((Z + kBlock - 1) / kBlock));
  AT_DISPATCH_FLOATING_TYPES(flat_Z.scalar_type(), "sum_of_squares", [&] {
    const scalar_t* data = flat_Z.const_data_ptr<scalar_t>();
    at::parallel_for(
        0, static_cast<int64_t>(block_sums.size()), 1, [&](int64_t begin, int64_t end) {
          for (int64_t block = begin; block < end; ++block) {
            const int64_t first = block * kBlock;
            block_sums[static_cast<size_t>(block)] =
                sum_of_squares(data + first, std::min(kBlock, Z - first));
          }
        });
  });
  return std::accumulate(block_sums.begin(), block_sums.end(), 0.0);
}

}  // namespace

double global_grad_norm(const FlatParameters& parameters, parallel::Mesh& mesh) {
  HECATON_TRACE_RANGE("optim.grad_norm");
  double dense = 0.0;
  double experts = 0.0;
  bool is_sharded = false;
  for (const FlatGroup& group : parameters.groups()) {
    group.check_grads_collected();
    (group.replicas == ReplicaAxis::kDense ? dense : experts) +=
        sum_of_squares(group.reduced_grad.flat_Z());
    is_sharded = is_sharded || group.shard.size > 1;
    const parallel::Communicator& holders = parallel::holders_of(group.replicas, mesh);
    HECATON_CHECK(group.shard.size == 1 || group.shard.size == holders.size(),
                  "the holders of a parameter share it all out or not at all");
  }
  if (is_sharded) {  // each rank has squares of its own, of both kinds
    const at::Tensor sum = at::full({1}, dense + experts, at::TensorOptions().dtype(at::kDouble));
    mesh.world().all_reduce(sum);
    return std::sqrt(sum.item<double>());
  }
  const at::Tensor sum = at::full({1}, experts, at::TensorOptions().dtype(at::kDouble));
  mesh.ep().all_reduce(sum);
  return std::sqrt(dense + sum.item<double>());
}

void clip_gradients(FlatParameters& parameters, double norm, double max_norm) {
  if (!(norm > max_norm)) {
    return;
  }
  HECATON_TRACE_RANGE("optim.clip");
  for (FlatGroup& group : parameters.groups()) {
    at::Tensor flat_Z = group.reduced_grad.flat_Z();
    flat_Z.mul_(max_norm / norm);
  }
}

}  // namespace hecaton::optim
