// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_reference.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/recipes/config/recipe_file.h"
#include "tests/testing/golden.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

class RecipeReferenceTest : public RecipeFileTest {};

TEST_F(RecipeReferenceTest, ThePageIsUpToDate) {
  const std::string path = testing::source_dir() + "/docs/recipes.md";
  if (!testing::rewrites_golden(path, recipe_reference())) {
    EXPECT_EQ(testing::read_bytes(path), recipe_reference())
        << "renew it: HECATON_UPDATE_GOLDEN=1 build/release/bin/hecaton_recipes_tests "
           "--gtest_filter=*ThePageIsUpToDate";
  }
}

TEST_F(RecipeReferenceTest, ItsExampleIsARecipe) {
  const std::string page = recipe_reference();
  const size_t begin = page.find("```yaml\n") + 8;
  const std::string example = page.substr(begin, page.find("```", begin) - begin);
  EXPECT_EQ(error_of(example), "no ConfigError") << example;
}

TEST_F(RecipeReferenceTest, ListsKeysOfEntriesAndOldNames) {
  const std::string page = recipe_reference();
  for (const char* line : {
           "\n| `num_experts` | an integer from 1 to 2147483647 | `8` | routed experts per MoE "
           "layer |\n",
           "\n| `train[].path` | text | required | file or folder of documents |\n",
           "\n| `max_steps` | an integer of at least 1 | required | optimizer steps of the run |\n",
           "\n| `training.micro_batch_size` | `batch_size`, ",
       }) {
    EXPECT_NE(page.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace hecaton::recipes
