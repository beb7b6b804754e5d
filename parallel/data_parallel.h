// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "core/flat_parameters.h"
#include "parallel/mesh.h"

namespace hecaton::parallel {

/// Sums every gradient over exactly the ranks that hold a copy of its parameter: dense ones over
/// dp, experts over edp. Nothing is averaged; each loss was divided once before backward.
///
/// Parallel: one all-reduce per flat group, in the order of groups, on every rank.
void reduce_gradients(FlatParameters& parameters, Mesh& mesh);

/// Whether replicas hold the same bits as the first of their axis. Cost: one broadcast of the
/// parameters.
bool replicas_agree(const FlatParameters& parameters, Mesh& mesh);

}  // namespace hecaton::parallel
