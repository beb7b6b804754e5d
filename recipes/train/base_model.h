// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "recipes/config/recipe_io.h"

namespace hecaton::recipes {

/// Gives a recipe with model.base_model the architecture of that model, so that the resolved recipe
/// stands for itself. The dtype is that of the model unless the recipe gives one. The origin of
/// what changes is "model.base_model". Does nothing without a base model.
///
/// Errors: CheckpointError if the model is not found or cannot be read; ConfigError with every key
///         that the recipe gives another value than the model has, a line each with its place.
void adopt_base_model(LoadedRecipe& loaded);

}  // namespace hecaton::recipes
