// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/data_parallel.h"

#include <vector>

#include "parallel/detail/same_bits.h"

namespace hecaton::parallel {
namespace {

void wait_all(std::vector<Handle>& pending) {
  for (Handle& handle : pending) {
    handle.wait();
  }
}

}  // namespace

void reduce_gradients(FlatParameters& parameters, Mesh& mesh) {
  std::vector<Handle> pending;
  std::vector<FlatGroup>& groups = parameters.groups();
  for (auto it = groups.rbegin(); it != groups.rend(); ++it) {
    FlatGroup& group = *it;
    group.check_grads_collected();
    Communicator& holders = holders_of(group.replicas, mesh);
    pending.push_back(group.shard.size == 1
                          ? holders.all_reduce_async(group.grad.flat_Z(), ReduceOp::kSum)
                          : holders.reduce_scatter_async(
                                group.grad.flat_Z(), group.reduced_grad.flat_Z(), ReduceOp::kSum));
  }
  wait_all(pending);
}

void gather_parameters(FlatParameters& parameters, Mesh& mesh) {
  std::vector<Handle> pending;
  for (FlatGroup& group : parameters.groups()) {
    if (group.shard.size > 1 && !group.update.is_frozen) {
      pending.push_back(
          holders_of(group.replicas, mesh)
              .all_gather_async(group.value.shard(group.shard).flat_Z(), group.value.flat_Z()));
    }
  }
  wait_all(pending);
}

FlatBuffer gathered(const FlatGroup& group, const FlatBuffer& shard, Mesh& mesh) {
  if (group.shard.size == 1) {
    return shard;
  }
  FlatBuffer whole =
      shard.num_tensors() == 0 ? shard : group.value.zeros_like(shard.flat_Z().scalar_type());
  holders_of(group.replicas, mesh).all_gather(shard.flat_Z(), whole.flat_Z());
  return whole;
}

bool replicas_agree(const FlatParameters& parameters, Mesh& mesh) {
  bool is_same = true;
  for (const FlatGroup& group : parameters.groups()) {
    at::Tensor first_Z = group.value.flat_Z().clone();
    holders_of(group.replicas, mesh).broadcast(first_Z, /*root=*/0);
    is_same = is_same && detail::has_same_bits(first_Z, group.value.flat_Z());
  }
  return mesh.world().all_agree(is_same);
}

}  // namespace hecaton::parallel
