// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/flat_parameters.h"
#include "core/parameter.h"
#include "parallel/communicator.h"

namespace hecaton::parallel {

/// Sizes of the axes that a user chooses; dp and edp follow from the number of ranks.
struct MeshShape {
  int64_t ep = 1;  ///< ranks that share the experts
  int64_t tp = 1;  ///< ranks that share each dense matrix
  int64_t cp = 1;  ///< ranks that share each sequence
};

/// The ranks of a job seen along named axes, a group of ranks for each.
///
/// world = dp * cp * tp for attention and everything dense = edp * ep for experts: the same ranks,
/// seen two ways. Ranks that differ in the axis that stands last are consecutive. Four ranks at
/// ep 2:
///
///     world_rank  0  1  2  3
///     dp_rank     0  1  2  3     every rank holds all dense parameters and tokens of its own
///     ep_rank     0  1  0  1     consecutive ranks; each holds 1/ep of the experts
///     edp_rank    0  0  1  1     the ranks with the same ep_rank; they hold the same experts
///
/// Source: "folding" of Liu et al. 2025, arXiv 2504.14960, section 3.
class Mesh {
 public:
  /// world:       not null; all ranks, each of which must make the same mesh.
  /// Errors:      ConfigError naming parallel.<axis>, before any group is made, unless ep and
  ///              tp * cp divide the size of world.
  Mesh(std::shared_ptr<Communicator> world, const MeshShape& shape);
  /// With tp 1 and cp 1.
  Mesh(std::shared_ptr<Communicator> world, int64_t ep);

  /// All ranks, in the order of the launcher.
  Communicator& world() const { return *world_; }
  /// Ranks that split the batch, sequence by sequence.
  Communicator& dp() const { return *dp_; }
  /// Ranks that split each sequence.
  Communicator& cp() const { return *cp_; }
  /// Ranks that split each dense matrix.
  Communicator& tp() const { return *tp_; }
  /// Holders of the same dense parameters, dp times cp: gradients of those are summed here. The
  /// same group as dp where cp is 1.
  Communicator& dp_cp() const { return *dp_cp_; }
  /// Ranks that exchange tokens with each other's experts.
  Communicator& ep() const { return *ep_; }
  /// Holders of the same experts: gradients of those are summed here.
  Communicator& edp() const { return *edp_; }

  const std::shared_ptr<Communicator>& shared_world() const { return world_; }
  const std::shared_ptr<Communicator>& shared_dp() const { return dp_; }
  const std::shared_ptr<Communicator>& shared_ep() const { return ep_; }
  const std::shared_ptr<Communicator>& shared_edp() const { return edp_; }

  /// "world 4 = dp 4 = edp 2 x ep 2"; cp and tp where they are not 1.
  std::string describe() const;

 private:
  std::shared_ptr<Communicator> world_;
  std::shared_ptr<Communicator> dp_;
  std::shared_ptr<Communicator> cp_;
  std::shared_ptr<Communicator> tp_;
  std::shared_ptr<Communicator> dp_cp_;
  std::shared_ptr<Communicator> ep_;
  std::shared_ptr<Communicator> edp_;
};

/// The ranks that hold copies of the same parameters.
Communicator& holders_of(ReplicaAxis replicas, const Mesh& mesh);

/// Optimizer state and masters shared out among the holders of each parameter.
OptimizerShards shards_on(const Mesh& mesh);

}  // namespace hecaton::parallel
