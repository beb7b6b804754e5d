// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/data_parallel.h"

#include <vector>

#include "parallel/detail/same_bits.h"

namespace hecaton::parallel {
namespace {

Communicator& replica_axis(Mesh& mesh, const FlatGroup& group) {
  return group.replicas == ReplicaAxis::kDense ? mesh.dp_cp() : mesh.edp();
}

}  // namespace

void reduce_gradients(FlatParameters& parameters, Mesh& mesh) {
  std::vector<Handle> pending;
  for (FlatGroup& group : parameters.groups()) {
    group.check_grads_collected();
    pending.push_back(
        replica_axis(mesh, group).all_reduce_async(group.grad.flat_Z(), ReduceOp::kSum));
  }
  for (Handle& handle : pending) {
    handle.wait();
  }
}

bool replicas_agree(const FlatParameters& parameters, Mesh& mesh) {
  bool is_same = true;
  for (const FlatGroup& group : parameters.groups()) {
    at::Tensor first_Z = group.value.flat_Z().clone();
    replica_axis(mesh, group).broadcast(first_Z, /*root=*/0);
    is_same = is_same && detail::has_same_bits(first_Z, group.value.flat_Z());
  }
  return mesh.world().all_agree(is_same);
}

}  // namespace hecaton::parallel
