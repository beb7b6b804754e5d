// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/muon.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ops/add.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/linalg_vector_norm.h>

#include "core/check.h"
#include "core/error.h"

namespace hecaton::optim {
namespace {

// The quintic that lifts small singular values fastest; Jordan's.
constexpr double kA = 3.4445;
constexpr double kB = -4.7750;
constexpr double kC = 2.0315;
constexpr int kNumIterations = 5;
constexpr double kSmallestNorm = 1e-7;  // Jordan's code
constexpr double kUpdateSize = 0.2;     // root mean square of AdamW's updates; Liu et al.

/// Matrices of one shape that stand one after the other in a stored tensor.
struct Batch {
  int64_t offset;
  int64_t count;
  int64_t num_rows;
  int64_t num_columns;

  at::Tensor view(const at::Tensor& stored) const {
    return stored.view({-1})
        .narrow(0, offset, count * num_rows * num_columns)
        .view({count, num_rows, num_columns});
  }
};

std::vector<Batch> batches_of(const Parameter& parameter) {
  std::vector<Batch> batches;
  for (const NamedSlice& slice : parameter.slices) {
    if (slice.shape.size() != 2) {
      throw ConfigError("optimizer.type = muon: " + slice.name +
                        " is a hidden matrix and must have 2 dims, found " +
                        std::to_string(slice.shape.size()));
    }
    const bool is_next_of_batch = !batches.empty() && batches.back().num_rows == slice.shape[0] &&
                                  batches.back().num_columns == slice.shape[1];
    if (is_next_of_batch) {
      ++batches.back().count;
    } else {
      batches.push_back({slice.offset, 1, slice.shape[0], slice.shape[1]});
    }
  }
  return batches;
}

}  // namespace

void MuonConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(momentum >= 0.0 && momentum < 1.0, "momentum", momentum, "must be in [0, 1)");
  adamw.collect_faults(faults);
}

void MuonConfig::validate() const {
  ConfigFaults faults("optimizer");
  collect_faults(faults);
  faults.throw_if_any();
}

Muon::Muon(FlatParameters& parameters, const MuonConfig& config, const parallel::Mesh* mesh)
    : Optimizer(parameters), config_(config), mesh_(mesh) {
  config.validate();
  for (const FlatGroup& group : parameters.groups()) {
    HECATON_CHECK(group.shard.size == 1 || mesh != nullptr, "shards come from a mesh");
    if (group.update.is_frozen) {
      continue;
    }
    if (!group.is_hidden_matrix) {
      add_state("exp_avg", group);
      add_state("exp_avg_sq", group);
      continue;
    }
    for (const Parameter& parameter : group.parameters) {
      batches_of(parameter);  // checks the shapes
    }
    add_state("momentum", group);
  }
}

void Muon::update(FlatGroup& group, double lr) {
  if (!group.is_hidden_matrix) {
    adamw_update(group,
                 {state("exp_avg", group), state("exp_avg_sq", group), num_steps()},
                 lr,
                 config_.adamw);
    return;
  }
  const FlatBuffer& momentum = state("momentum", group);
  at::Tensor momentum_Z = momentum.flat_Z();
  const at::Tensor& grad_Z = group.reduced_grad.flat_Z();
  momentum_Z.mul_(config_.momentum).add_(grad_Z);
  // Whole matrices, whatever part of them is this rank's.
  const FlatBuffer update = group.value.zeros_like(grad_Z.scalar_type());
  at::Tensor own_update_Z = update.shard(group.shard).flat_Z();
  at::add_out(own_update_Z, grad_Z, momentum_Z, config_.momentum);
  if (group.shard.size > 1) {
    parallel::holders_of(group.replicas, *mesh_).all_gather(own_update_Z, update.flat_Z());
  }
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor stored = update.view(static_cast<int64_t>(i));
    for (const Batch& batch : batches_of(group.parameters[i])) {
      const at::Tensor matrices = batch.view(stored);
      const auto longer = static_cast<double>(std::max(batch.num_rows, batch.num_columns));
      matrices.copy_(orthogonalized(matrices).mul_(lr * kUpdateSize * std::sqrt(longer)));
    }
  }
  at::Tensor master_Z = group.master.flat_Z();
  master_Z.mul_(1.0 - lr * weight_decay_of(group, config_.adamw.weight_decay)).sub_(own_update_Z);
}

at::Tensor orthogonalized(const at::Tensor& matrices) {
  const at::Tensor norm =
      at::linalg_vector_norm(matrices, /*ord=*/2, at::IntArrayRef({1, 2}), /*keepdim=*/true);
  // The product of the short side with itself is the smaller one.
  const bool is_tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = (is_tall ? matrices.mT().contiguous() : matrices).div(norm.add(kSmallestNorm));
  for (int i = 0; i < kNumIterations; ++i) {
    const at::Tensor square = at::bmm(x, x.mT());
    const at::Tensor polynomial = at::baddbmm(square, square, square, /*beta=*/kB, /*alpha=*/kC);
    x = at::baddbmm(x, polynomial, x, /*beta=*/kA, /*alpha=*/1.0);
  }
  return is_tall ? x.mT() : x;
}

}  // namespace hecaton::optim
