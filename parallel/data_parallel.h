// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "core/flat_parameters.h"
#include "parallel/mesh.h"

namespace hecaton::parallel {

/// Sums every gradient over exactly the ranks that hold a copy of its parameter: dense ones over
/// dp, experts over edp. Nothing is averaged; each loss was divided once before backward. Where the
/// optimizer is shared out, a rank gets the sums of its shard (FlatGroup::reduced_grad) alone, and
/// the rest of its gradients means nothing any more.
///
/// Parallel: one all-reduce or reduce-scatter per flat group, the last group first, on every rank.
void reduce_gradients(FlatParameters& parameters, Mesh& mesh);

/// Brings the parameters that the holders' optimizers have updated to all holders. Does nothing
/// where the optimizer is not shared out.
///
/// Parallel: one all-gather per flat group, in the order of groups, on every rank.
void gather_parameters(FlatParameters& parameters, Mesh& mesh);

/// All of a buffer of which each holder of `group` has its shard: a copy, or the buffer itself
/// where nothing is shared out. For tests. Parallel: one all-gather, on every rank.
FlatBuffer gathered(const FlatGroup& group, const FlatBuffer& shard, Mesh& mesh);

/// Whether replicas hold the same bits as the first of their axis. Cost: one broadcast of the
/// parameters.
bool replicas_agree(const FlatParameters& parameters, Mesh& mesh);

}  // namespace hecaton::parallel
