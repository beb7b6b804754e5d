// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/tensor_piece.h"
#include "parallel/communicator.h"

namespace hecaton::checkpoint::detail {

/// Errors: ShapeError unless dtype and shape can be saved and the piece lies inside.
void check_piece(const TensorPiece& piece);

/// Decides which rank writes what, so that each element is written once: of the ranks that hold the
/// same piece, the one that has least to write so far, by name and place. The same on every rank;
/// ManifestPiece::file_idx is the rank.
///
/// Errors:   ShapeError on every rank, naming tensor and ranks, if shapes or dtypes of one name
///           differ, pieces overlap without being the same or leave a hole, or a rank has one
///           twice.
/// Parallel: every rank must call it. Cost: each rank gets the list of all ranks' pieces, about 100
///           bytes for each.
std::map<std::string, ManifestTensor> plan_save(parallel::Communicator& world,
                                                const std::vector<TensorPiece>& pieces);

}  // namespace hecaton::checkpoint::detail
