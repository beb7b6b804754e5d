// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "recipes/cli/recipe_commands.h"

namespace hecaton::recipes {

/// Does what `train` does before its first step, but makes no weights, starts no MPI and writes
/// nothing: reads recipe and data, checks layout, run folder and the checkpoint to go on from, and
/// prints tables of parameters, memory, layout, data and learning rates, and the first batch of
/// rank 0 as text.
///
/// num_ranks: of the run that is asked about, at least 1.
/// Errors:    those of the run: ConfigError, DataError, CheckpointError, IoError.
void dry_run(const RecipeArguments& arguments, int64_t num_ranks);

}  // namespace hecaton::recipes
