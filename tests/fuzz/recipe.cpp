// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <string>
#include <string_view>

#include "core/error.h"
#include "recipes/config/recipe_io.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_mutation.h"

// An input is the YAML of a recipe.

namespace hecaton::fuzz {
namespace {

using recipes::LoadedRecipe;

constexpr const char* kPath = "recipe.yaml";

bool read(std::string_view input) {
  const auto loaded = open_or_refuse<ConfigError>(
      "recipe", [&] { return recipes::parse_recipe(std::string(input), kPath); });
  if (!loaded) {
    return false;
  }
  const std::string plain = print_recipe(*loaded, /*with_origins=*/false);
  const LoadedRecipe again =
      recipes::parse_recipe(print_recipe(*loaded, /*with_origins=*/true), kPath);
  require(print_recipe(again, /*with_origins=*/false) == plain,
          "what was read is printed and read again:\n" + plain);
  return true;
}

}  // namespace

Target recipe_target() {
  return {"recipe", read, mutate_yaml};
}

}  // namespace hecaton::fuzz
