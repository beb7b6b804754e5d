// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/mesh.h"

#include <utility>

#include "core/config_faults.h"

namespace hecaton::parallel {

Mesh::Mesh(std::shared_ptr<Communicator> world, int64_t ep) : world_(std::move(world)) {
  ConfigFaults faults("parallel");
  faults.require(ep >= 1, "ep", ep, "must be at least 1");
  faults.require(ep < 1 || world_->size() % ep == 0,
                 "ep",
                 ep,
                 "must divide the number of ranks " + std::to_string(world_->size()));
  faults.throw_if_any();

  const int ep_size = static_cast<int>(ep);
  dp_ = world_->split(0, "dp");
  ep_ = world_->split(world_->rank() / ep_size, "ep");
  edp_ = world_->split(world_->rank() % ep_size, "edp");
}

std::string Mesh::describe() const {
  return "world " + std::to_string(world_->size()) + " = dp " + std::to_string(dp_->size()) +
         " = edp " + std::to_string(edp_->size()) + " x ep " + std::to_string(ep_->size());
}

}  // namespace hecaton::parallel
