// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_diff.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hecaton::recipes {
namespace {

const Recipe kDefault;

TEST(RecipeDiffTest, EqualRecipesHaveNoChanges) {
  EXPECT_TRUE(compare_recipes(kDefault, kDefault).empty());
}

TEST(RecipeDiffTest, NamesKeyAndBothValues) {
  Recipe after;
  after.seed = 5;
  after.training.global_batch_size = 16;
  after.optimizer.betas = {0.8, 0.95};
  const std::vector<RecipeChange> changes = compare_recipes(kDefault, after);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].key + " " + changes[0].before + " " + changes[0].after, "seed 1234 5");
  EXPECT_EQ(changes[1].key + " " + changes[1].before + " " + changes[1].after,
            "training.global_batch_size null 16");
  EXPECT_EQ(changes[2].key + " " + changes[2].before + " " + changes[2].after,
            "optimizer.betas.0 0.9 0.8");
}

TEST(RecipeDiffTest, ShowsEntriesThatOneSideLacks) {
  Recipe before;
  before.moe.losses.clear();
  const std::vector<RecipeChange> changes = compare_recipes(before, kDefault);
  ASSERT_EQ(changes.size(), 4U);  // the entry has a type, a coefficient and options
  EXPECT_EQ(changes[0].key + " " + changes[0].before + " " + changes[0].after,
            "moe.losses [] nothing");
  EXPECT_EQ(changes[1].key + " " + changes[1].before + " " + changes[1].after,
            "moe.losses.0.type nothing switch");
}

TEST(RecipeDiffTest, TellsTextsFromNumbersInAnyDocument) {
  YamlNode before = YamlNode::map();
  before.add("size", YamlNode::plain("8"));
  before.add("name", YamlNode::quoted("a"));
  before.add("gone", YamlNode::sequence({}));
  YamlNode after = YamlNode::map();
  after.add("name", YamlNode::plain("a"));
  after.add("size", YamlNode::quoted("8"));
  after.add("new", YamlNode::map()).add("inner", YamlNode::null());
  const std::vector<RecipeChange> changes = compare_trees(before, after);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].key + " " + changes[0].before + " " + changes[0].after, "size 8 \"8\"");
  EXPECT_EQ(changes[1].key + " " + changes[1].before + " " + changes[1].after, "gone [] nothing");
  EXPECT_EQ(changes[2].key + " " + changes[2].before + " " + changes[2].after,
            "new.inner nothing null");
}

}  // namespace
}  // namespace hecaton::recipes
