// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/resume.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;

constexpr uint64_t kFingerprint = 77;

Recipe some_recipe() {
  Recipe recipe;
  recipe.training.max_steps = 10;
  recipe.training.global_batch_size = 8;
  recipe.dataset.train = {{.path = "a", .weight = 1.0}, {.path = "b", .weight = 2.0}};
  return recipe;
}

/// check_resume() from some_recipe() to the same with a change.
std::vector<RecipeChange> resume_with(const std::function<void(Recipe&)>& change,
                                      uint64_t fingerprint = kFingerprint) {
  Recipe now = some_recipe();
  change(now);
  return check_resume(some_recipe(),
                      now,
                      {.step = 3, .data_fingerprint = kFingerprint},
                      "run/step-0000003",
                      fingerprint);
}

TEST(ResumeTest, TheSameRecipeGoesOn) {
  EXPECT_TRUE(resume_with([](Recipe&) {}).empty());
}

TEST(ResumeTest, ListsChangesThatItAllows) {
  const std::vector<RecipeChange> changes = resume_with([](Recipe& recipe) {
    recipe.optimizer.lr = 0.5;
    recipe.training.max_steps = 20;
  });
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].key, "training.max_steps");
  EXPECT_EQ(changes[0].before, "10");
  EXPECT_EQ(changes[0].after, "20");
  EXPECT_EQ(changes[1].key, "optimizer.lr");
}

TEST(ResumeTest, OtherRanksFoldersAndSavesAreNoChange) {
  EXPECT_TRUE(resume_with([](Recipe& recipe) {
                recipe.output_dir = "elsewhere";
                recipe.parallel.ep = 2;
                recipe.training.micro_batch_size = 1;
                recipe.training.num_threads = 3;
                recipe.checkpoint.save_steps = 5;
              }).empty());
}

TEST(ResumeTest, RefusesAnotherModel) {
  expect_error<CheckpointError>(
      [] { resume_with([](Recipe& recipe) { recipe.model.arch.hidden_size = 64; }); },
      "run/step-0000003: of another model: model.arch.hidden_size was 256 and is 64");
  expect_error<CheckpointError>(
      [] {
        resume_with([](Recipe& recipe) {
          recipe.moe.num_experts = 16;
          recipe.checkpoint.allow_changes = true;
        });
      },
      "moe.num_experts was 8 and is 16");
}

TEST(ResumeTest, RefusesOtherSamplesUnlessAllowed) {
  const std::vector<std::function<void(Recipe&)>> changes = {
      [](Recipe& recipe) { recipe.seed = 1; },
      [](Recipe& recipe) { recipe.training.global_batch_size = 16; },
      [](Recipe& recipe) { recipe.dataset.sequence_length = 32; },
      [](Recipe& recipe) { recipe.dataset.packing = false; },
      [](Recipe& recipe) { recipe.dataset.train[1].weight = 3.0; },
  };
  for (const auto& change : changes) {
    expect_error<ConfigError>([&] { resume_with(change); },
                              "; checkpoint.allow_changes=true goes on all the same");
    EXPECT_EQ(resume_with([&](Recipe& recipe) {
                change(recipe);
                recipe.checkpoint.allow_changes = true;
              }).size(),
              1U);
  }
}

TEST(ResumeTest, TheSameTokensMayComeFromAnotherListOfFiles) {
  Recipe before = some_recipe();
  before.dataset.train = {{.path = "a"}, {.path = "b"}};
  Recipe now = before;
  const auto resume = [&] {
    return check_resume(
        before, now, {.data_fingerprint = kFingerprint}, "run/step-0000003", kFingerprint);
  };
  now.dataset.train = {{.path = "folder"}};
  EXPECT_FALSE(resume().empty());
  now.dataset.train = {{.path = "folder", .weight = 1.0}};
  expect_error<ConfigError>(resume, "dataset.train.0.weight was null and is 1");
}

TEST(ResumeTest, RefusesOtherDataUnlessAllowed) {
  expect_error<ConfigError>([] { resume_with([](Recipe&) {}, /*fingerprint=*/78); },
                            "dataset.train no longer holds the same tokens");
  EXPECT_TRUE(resume_with([](Recipe& recipe) { recipe.checkpoint.allow_changes = true; },
                          /*fingerprint=*/78)
                  .empty());
}

}  // namespace
}  // namespace hecaton::recipes
