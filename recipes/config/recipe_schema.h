// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "recipes/config/recipe.h"
#include "recipes/config/schema.h"

namespace hecaton::recipes {

/// Every key of a recipe. The only place where a key is registered.
const Schema<Recipe>& recipe_schema();

/// Every section by its dotted path, with one line on what it is for, in the order of the pages.
const std::vector<std::pair<std::string, std::string>>& recipe_sections();

}  // namespace hecaton::recipes
