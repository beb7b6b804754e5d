// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "recipes/config/recipe.h"
#include "recipes/config/schema.h"

namespace hecaton::recipes {

/// Every key of a recipe. The only place where a key is registered.
const Schema<Recipe>& recipe_schema();

}  // namespace hecaton::recipes
