// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "recipes/config/recipe.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// A key that two recipes, or two other documents, give different values.
struct RecipeChange {
  std::string key;     ///< dotted; entries of lists are numbers from 0
  std::string before;  ///< as YAML writes it; "nothing" for an entry that only `after` has
  std::string after;   ///< the same, for one that only `before` has
};

/// The scalars and empty lists that differ: those of `before` in their order, then those that only
/// `after` has.
std::vector<RecipeChange> compare_trees(const YamlNode& before, const YamlNode& after);

/// compare_trees() of the recipes with every key, in the order of the schema.
std::vector<RecipeChange> compare_recipes(const Recipe& before, const Recipe& after);

}  // namespace hecaton::recipes
