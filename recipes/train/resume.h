// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace hecaton::recipes
