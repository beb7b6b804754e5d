// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "recipes/config/recipe_io.h"
#include "recipes/train/run_outcome.h"

namespace hecaton::recipes {

/// What a RECIPE command is given.
struct RecipeArguments {
  std::string path;
  std::vector<std::string> overrides;
};

/// The recipe, after its warnings were logged if is_main_rank. Errors: ConfigError.
LoadedRecipe load_with_warnings(const RecipeArguments& arguments, bool is_main_rank = true);

/// The commands about recipes. Each prints its result on standard output and throws on failure.
RunOutcome train(const RecipeArguments& arguments,
                 const std::shared_ptr<parallel::Communicator>& world);
void validate(const RecipeArguments& arguments);
void print_config(const RecipeArguments& arguments);

/// format: "json" or "markdown". output: a file that is replaced; empty: standard output.
/// Errors: IoError.
void print_schema(const std::string& format, const std::string& output);

/// Lists the recipes of a folder with the first comment line of each.
void list_recipes(const std::string& folder);

}  // namespace hecaton::recipes
