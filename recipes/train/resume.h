// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "parallel/communicator.h"
#include "recipes/config/recipe.h"
#include "recipes/config/recipe_diff.h"
#include "recipes/train/training_state.h"

namespace hecaton::recipes {

/// Checks that a run may go on from a checkpoint under this recipe.
///
/// before:      the recipe of the checkpoint; now: that of this process. Both with their batch
///              resolved.
/// folder:      of the checkpoint, for messages.
/// fingerprint: of the training data that this process reads.
/// Returns:     the changed keys that may change, for the log.
/// Errors:      CheckpointError naming the first keys whose change alters the model's shape;
///              ConfigError, unless now.checkpoint.allow_changes, for another seed or global batch,
///              and for data that is not the same, or not cut, packed or mixed in the same way.
std::vector<RecipeChange> check_resume(const Recipe& before,
                                       const Recipe& now,
                                       const TrainingState& state,
                                       const std::string& folder,
                                       uint64_t fingerprint);

/// A checkpoint that a run may go on from.
struct ResumePoint {
  checkpoint::Checkpoint checkpoint;
  TrainingState state;
  std::vector<RecipeChange> changes;  ///< of keys that may change
  bool is_of_this_run = true;         ///< it lies in output_dir
};

/// Finds the checkpoint that checkpoint.resume names, verifies it, and checks that the run may go
/// on from it. Writes nothing.
///
/// now:         with its batch resolved.
/// fingerprint: of the training data that this process reads.
/// Returns:     empty if resume is unset, or "auto" and output_dir holds no checkpoint.
/// Errors:      those of check_resume(); CheckpointError if the checkpoint is not found or damaged;
///              ConfigError if it lies outside output_dir, which holds a newer one.
/// Parallel:    every rank must call it; one of them looks for folders.
std::optional<ResumePoint> find_resume_point(const Recipe& now,
                                             uint64_t fingerprint,
                                             const std::shared_ptr<parallel::Communicator>& world);

}  // namespace hecaton::recipes
