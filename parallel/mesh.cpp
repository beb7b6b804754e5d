// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/mesh.h"

#include <utility>

#include "core/config_faults.h"

namespace hecaton::parallel {
namespace {

void check_shape(const MeshShape& shape, int64_t num_ranks) {
  ConfigFaults faults("parallel");
  const std::string ranks = "the number of ranks " + std::to_string(num_ranks);
  const auto require_size = [&](const char* axis, int64_t size) {
    faults.require(size >= 1, axis, size, "must be at least 1");
  };
  require_size("ep", shape.ep);
  require_size("tp", shape.tp);
  require_size("cp", shape.cp);
  faults.require(shape.ep < 1 || num_ranks % shape.ep == 0, "ep", shape.ep, "must divide " + ranks);
  const bool is_divided = shape.tp < 1 || num_ranks % shape.tp == 0;
  faults.require(is_divided, "tp", shape.tp, "must divide " + ranks);
  faults.require(
      !is_divided || shape.tp < 1 || shape.cp < 1 || num_ranks / shape.tp % shape.cp == 0,
      "cp",
      shape.cp,
      "must divide " + ranks + " over tp " + std::to_string(shape.tp));
  faults.throw_if_any();
}

std::string factor(const Communicator& group) {
  return group.axis() + " " + std::to_string(group.size());
}

}  // namespace

Mesh::Mesh(std::shared_ptr<Communicator> world, int64_t ep)
    : Mesh(std::move(world), MeshShape{.ep = ep}) {}

Mesh::Mesh(std::shared_ptr<Communicator> world, const MeshShape& shape) : world_(std::move(world)) {
  check_shape(shape, world_->size());
  const int rank = world_->rank();
  const auto ep = static_cast<int>(shape.ep);
  const auto tp = static_cast<int>(shape.tp);
  const auto cp = static_cast<int>(shape.cp);
  const int tp_rank = rank % tp;
  const int dp_rank = rank / (tp * cp);
  // Ranks with the same number are a group.
  dp_ = world_->split(rank % (tp * cp), "dp");
  cp_ = world_->split(dp_rank * tp + tp_rank, "cp");
  tp_ = world_->split(rank / tp, "tp");
  dp_cp_ = cp == 1 ? dp_ : world_->split(tp_rank, "dp_cp");
  ep_ = world_->split(rank / ep, "ep");
  edp_ = world_->split(rank % ep, "edp");
}

Communicator& holders_of(ReplicaAxis replicas, const Mesh& mesh) {
  return replicas == ReplicaAxis::kDense ? mesh.dp_cp() : mesh.edp();
}

OptimizerShards shards_on(const Mesh& mesh) {
  const auto place_on = [](const Communicator& group) {
    return ShardPlace{group.rank(), group.size()};
  };
  return {place_on(mesh.dp_cp()), place_on(mesh.edp())};
}

std::string Mesh::describe() const {
  std::string dense = factor(*dp_);
  for (const auto& axis : {cp_, tp_}) {
    dense += axis->size() == 1 ? "" : " x " + factor(*axis);
  }
  return factor(*world_) + " = " + dense + " = " + factor(*edp_) + " x " + factor(*ep_);
}

}  // namespace hecaton::parallel
