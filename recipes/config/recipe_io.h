// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "recipes/config/codec.h"
#include "recipes/config/recipe.h"

namespace hecaton::recipes {

/// A recipe and where it comes from.
struct LoadedRecipe {
  Recipe recipe;
  /// Origin of each value that is no default, by dotted path ("dataset.train.0.path").
  Origins origins;
  /// One line each: old names, and values that were adapted. The caller logs them, on one rank.
  std::vector<std::string> warnings;
};

/// Reads a strict YAML recipe, changed by `overrides` in their order (overrides.h), with
/// environment variables put in (environment.h).
///
/// Returns:     a recipe within every range and rule. output_dir is set; lr_scheduler.warmup_steps
///              is at most training.max_steps.
/// Errors:      ConfigError "recipe not found: PATH", or that it cannot be read or is larger than
///              256 KiB; else one ConfigError with every fault of file and overrides, kMaxFaults at
///              most, a line each: "FILE:LINE:COLUMN: key.path: message" or "override 'a.b=c':
///              key.path: message".
LoadedRecipe load_recipe(const std::string& path, const std::vector<std::string>& overrides = {});

/// Reads a recipe from memory. path: names the text in messages, and the run folder by its stem.
/// Returns, Errors: those of load_recipe() for a file that holds `text`.
LoadedRecipe parse_recipe(const std::string& text,
                          const std::string& path,
                          const std::vector<std::string>& overrides = {});

/// Checks a recipe that was made in code.
/// Errors:      ConfigError with every fault, a line each: "key.path: message".
void validate_recipe(const Recipe& recipe);

/// Every key as YAML that load_recipe() reads back as the same recipe. with_origins: a comment
/// behind each value says where it comes from: default, FILE:LINE, override or another key.
std::string print_recipe(const LoadedRecipe& loaded, bool with_origins);

}  // namespace hecaton::recipes
