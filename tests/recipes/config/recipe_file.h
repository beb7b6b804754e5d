// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/config/recipe_io.h"

namespace hecaton::recipes {

/// What every recipe needs, in the lines 1 to 4.
constexpr const char* kMinimalRecipe =
    "dataset:\n"
    "  train: [{path: data}]\n"
    "training:\n"
    "  max_steps: 10\n";

/// Works in an empty folder of its own, where recipes are `r.yaml`.
class RecipeFileTest : public testing::Test {
 protected:
  RecipeFileTest()
      : before_(std::filesystem::current_path()),
        folder_(std::filesystem::temp_directory_path() /
                ("hecaton_recipe_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(folder_);
    std::filesystem::current_path(folder_);
  }

 public:
  ~RecipeFileTest() override {
    std::error_code ignored;
    std::filesystem::current_path(before_, ignored);
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  static LoadedRecipe load(const std::string& text,
                           const std::vector<std::string>& overrides = {}) {
    std::ofstream("r.yaml", std::ios::binary) << text;
    return load_recipe("r.yaml", overrides);
  }

  static Recipe load_minimal(const std::vector<std::string>& overrides) {
    return load(kMinimalRecipe, overrides).recipe;
  }

  /// The text of the ConfigError that loading throws.
  static std::string error_of(const std::string& text,
                              const std::vector<std::string>& overrides = {}) {
    try {
      load(text, overrides);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no ConfigError";
  }

  /// The same for lines below the minimal recipe, the first of which is line 5.
  static std::string error_below_minimal(const std::string& lines) {
    return error_of(kMinimalRecipe + lines);
  }

  static std::string error_of_override(const std::string& argument) {
    return error_of(kMinimalRecipe, {argument});
  }

 private:
  std::filesystem::path before_;
  std::filesystem::path folder_;
};

}  // namespace hecaton::recipes
