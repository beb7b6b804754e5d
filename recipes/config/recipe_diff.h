// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "recipes/config/recipe.h"

namespace hecaton::recipes {

/// A key that two recipes give different values.
struct RecipeChange {
  std::string key;     ///< dotted; entries of lists are numbers from 0
  std::string before;  ///< as YAML writes it; "nothing" for an entry that only `after` has
  std::string after;   ///< the same, for one that only `before` has
};

/// In the order of the schema.
std::vector<RecipeChange> compare_recipes(const Recipe& before, const Recipe& after);

}  // namespace hecaton::recipes
