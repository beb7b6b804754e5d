// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// The ranks of a job seen along named axes, a group of ranks for each.
///
/// world = dp for attention = edp * ep for experts: the same ranks, seen two ways. Four ranks at
/// ep 2:
///
///     world_rank  0  1  2  3
///     dp_rank     0  1  2  3     every rank holds all dense parameters and tokens of its own
///     ep_rank     0  1  0  1     consecutive ranks; each holds 1/ep of the experts
///     edp_rank    0  0  1  1     the ranks with the same ep_rank; they hold the same experts
class Mesh {
 public:
  /// world:       not null; all ranks, each of which must make the same mesh.
  /// ep:          ranks that share the experts; divides the size of world.
  /// Errors:      ConfigError naming parallel.ep, before any group is made.
  Mesh(std::shared_ptr<Communicator> world, int64_t ep);

  /// All ranks, in the order of the launcher.
  Communicator& world() const { return *world_; }
  /// Holders of the dense parameters: gradients of those are summed here.
  Communicator& dp() const { return *dp_; }
  /// Ranks that exchange tokens with each other's experts.
  Communicator& ep() const { return *ep_; }
  /// Holders of the same experts: gradients of those are summed here.
  Communicator& edp() const { return *edp_; }

  const std::shared_ptr<Communicator>& shared_world() const { return world_; }
  const std::shared_ptr<Communicator>& shared_dp() const { return dp_; }
  const std::shared_ptr<Communicator>& shared_ep() const { return ep_; }
  const std::shared_ptr<Communicator>& shared_edp() const { return edp_; }

  /// "world 4 = dp 4 = edp 2 x ep 2".
  std::string describe() const;

 private:
  std::shared_ptr<Communicator> world_;
  std::shared_ptr<Communicator> dp_;
  std::shared_ptr<Communicator> ep_;
  std::shared_ptr<Communicator> edp_;
};

}  // namespace hecaton::parallel
