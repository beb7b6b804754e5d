// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/base_model.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/model/model_config_json.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;
using testing::TemporaryFolder;
using testing::write_bytes;

/// A recipe that starts from a model of width 48 with experts in its second layer.
LoadedRecipe load_tuning(const TemporaryFolder& folder, std::vector<std::string> overrides = {}) {
  models::DecoderConfig model;
  model.hidden_size = 48;
  model.head_dim = 12;
  model.moe.layers = {1};
  model.dtype = at::kBFloat16;
  write_bytes(folder / "model/config.json", to_json(model));
  write_bytes(folder / "a.yaml",
              "recipe: sft\ndataset: {train: [{path: /x}]}\ntraining: {max_steps: 3}\n");
  overrides.push_back("model.base_model=" + (folder / "model"));
  return load_recipe(folder / "a.yaml", overrides);
}

void expect_printed(const LoadedRecipe& loaded, const std::string& line) {
  const std::string printed = print_recipe(loaded, /*with_origins=*/true);
  EXPECT_NE(printed.find(line + "\n"), std::string::npos) << printed;
}

TEST(BaseModelTest, WhatIsAdoptedSaysSo) {
  const TemporaryFolder folder;
  LoadedRecipe loaded = load_tuning(folder);
  adopt_base_model(loaded);
  expect_printed(loaded, "    hidden_size: 48  # model.base_model");
  expect_printed(loaded, "  layers: [1]  # model.base_model");
  expect_printed(loaded, "  dtype: bfloat16  # model.base_model");
  expect_printed(loaded, "    intermediate_size: 1024  # default");
  expect_printed(loaded, "recipe: sft  # " + (folder / "a.yaml") + ":1");
}

TEST(BaseModelTest, TheRecipeMayGiveTheDtypeAlone) {
  const TemporaryFolder folder;
  LoadedRecipe loaded = load_tuning(folder, {"model.dtype=float32"});
  adopt_base_model(loaded);
  expect_printed(loaded, "  dtype: float32  # override");
  LoadedRecipe other = load_tuning(folder, {"model.arch.hidden_size=64"});
  expect_error<ConfigError>([&] { adopt_base_model(other); },
                            "override 'model.arch.hidden_size=64': model.arch.hidden_size: must be "
                            "that of model.base_model, 48, found 64");
}

TEST(BaseModelTest, ARecipeWithoutOneStaysAsItIs) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.yaml", "dataset: {train: [{path: /x}]}\ntraining: {max_steps: 3}\n");
  LoadedRecipe loaded = load_recipe(folder / "a.yaml");
  const LoadedRecipe before = loaded;
  adopt_base_model(loaded);
  EXPECT_EQ(loaded.recipe, before.recipe);
}

TEST(BaseModelTest, RefusesAModelThatIsNotThere) {
  const TemporaryFolder folder;
  LoadedRecipe loaded = load_tuning(folder);
  loaded.recipe.model.base_model = "/nowhere";
  expect_error<CheckpointError>([&] { adopt_base_model(loaded); }, "model not found: /nowhere");
}

}  // namespace
}  // namespace hecaton::recipes
