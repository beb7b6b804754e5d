// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/config/recipe_io.h"

namespace hecaton::recipes {
namespace {

Recipe valid_recipe() {
  Recipe recipe;
  recipe.output_dir = "runs/test";
  recipe.dataset.train = {{.path = "data"}};
  recipe.training.max_steps = 10;
  return recipe;
}

/// The text of the ConfigError that `act` throws.
std::string config_error(const std::function<void()>& act) {
  try {
    act();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no ConfigError";
}

std::string validation_error(const std::function<void(Recipe&)>& change) {
  Recipe recipe = valid_recipe();
  change(recipe);
  return config_error([&recipe] { validate_recipe(recipe); });
}

TEST(RecipeTest, IsValidInItsDefaults) {
  EXPECT_NO_THROW(validate_recipe(valid_recipe()));
}

TEST(RecipeTest, RefusesMoreExpertsPerTokenThanExperts) {
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.moe.num_experts_per_tok = 9; }),
            "moe.num_experts_per_tok: must be at most moe.num_experts = 8, found 9");
}

TEST(RecipeTest, RefusesNormalisedWeightsOfASingleExpert) {
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.moe.num_experts_per_tok = 1; }),
            "moe.router.norm_topk_prob: must be false when moe.num_experts_per_tok is 1: a weight "
            "that is always 1 does not train the router");
}

TEST(RecipeTest, RefusesSoftmaxOverASingleExpert) {
  const auto use_one_expert = [](Recipe& recipe) {
    recipe.moe.num_experts_per_tok = 1;
    recipe.moe.router.norm_topk_prob = false;
    recipe.moe.router.score_after_topk = true;
  };
  EXPECT_EQ(validation_error(use_one_expert),
            "moe.router.score_after_topk: must be false when moe.num_experts_per_tok is 1 and "
            "moe.router.score is softmax: a score that is always 1 does not train the router");
  EXPECT_EQ(validation_error([&](Recipe& recipe) {
              use_one_expert(recipe);
              recipe.moe.router.score = moe::RouterScore::kSigmoid;
            }),
            "no ConfigError");
}

TEST(RecipeTest, RefusesCapacitiesThatCannotBeCounted) {
  for (const auto& [factor, text] : {std::pair{1e300, "1e+300"}, std::pair{1e-7, "1e-07"}}) {
    const double capacity_factor = factor;
    EXPECT_EQ(
        validation_error([&](Recipe& recipe) { recipe.moe.capacity_factor = capacity_factor; }),
        std::string("moe.capacity_factor: must be a number in [1e-06, 1e+06] or null, found ") +
            text);
  }
}

TEST(RecipeTest, RefusesHeadsThatDoNotFitTheWidth) {
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.model.arch.hidden_size = 130; }),
            "model.arch.hidden_size: must be a multiple of model.arch.num_attention_heads = 4 "
            "unless head_dim is given, found 130");
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.model.arch.hidden_size = 20; }),
            "model.arch.head_dim: must be even for the rotary embedding, found 5 = hidden_size / "
            "num_attention_heads");
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.model.arch.head_dim = 33; }),
            "model.arch.head_dim: must be even for the rotary embedding, found 33");
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.model.arch.num_key_value_heads = 3; }),
            "model.arch.num_key_value_heads: must divide model.arch.num_attention_heads = 4, "
            "found 3");
}

TEST(RecipeTest, TakesAnyWidthWhenTheHeadIsGiven) {
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.model.arch.hidden_size = 130;
              recipe.model.arch.head_dim = 16;
            }),
            "no ConfigError");
}

TEST(RecipeTest, RefusesExpertRanksThatDoNotSplitTheExperts) {
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.parallel.ep = 3; }),
            "parallel.ep: must divide moe.num_experts = 8, found 3");
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.parallel.ep = 3;
              recipe.moe.layers = std::vector<int64_t>{};
            }),
            "no ConfigError");
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.parallel.ep = 4;
              recipe.parallel.dp = 6;
            }),
            "parallel.ep: must divide parallel.dp = 6, found 4");
}

TEST(RecipeTest, RefusesLayersThatAreNotThere) {
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.moe.layers = {{1, 4}};
            }),
            "moe.layers: must be below model.arch.num_hidden_layers = 4, found 4");
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.moe.layers = {{1, 3, 1}};
            }),
            "moe.layers: names layer 1 twice");
}

TEST(RecipeTest, RefusesTwoLossesOfOneType) {
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.moe.losses = {{"z", 0.1}, {"z", 0.2}};
            }),
            "moe.losses: names the type z twice");
}

TEST(RecipeTest, RefusesTwoWaysToValidate) {
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.dataset.validation = {{.path = "v"}};
              recipe.dataset.validation_fraction = 0.25;
            }),
            "dataset.validation_fraction: must be 0 when dataset.validation is given, found 0.25");
}

TEST(RecipeTest, ListsEveryFaultOfARecipeMadeInCode) {
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.seed = -1;
              recipe.optimizer.lr = 0.0;
              recipe.dataset.train.clear();
              recipe.parallel.ep = 5;
            }),
            "seed: must be an integer of at least 0, found -1\n"
            "dataset.train: must be a list of files and folders, at least one, found an empty "
            "list\n"
            "optimizer.lr: must be a number above 0, found 0\n"
            "parallel.ep: must divide moe.num_experts = 8, found 5");
}

TEST(RecipeTest, NamesTheLayersWithExperts) {
  Recipe recipe;
  EXPECT_EQ(recipe.moe_layers(), (std::vector<int64_t>{0, 1, 2, 3}));
  recipe.moe.layers = {{3, 1}};
  EXPECT_EQ(recipe.moe_layers(), (std::vector<int64_t>{1, 3}));
}

TEST(RecipeTest, CountsWarmupStepsOrTakesAShareOfTheRun) {
  EXPECT_EQ(LrSchedulerRecipe{.warmup_steps = 40}.num_warmup_steps(400), 40);
  EXPECT_EQ(LrSchedulerRecipe{.warmup_steps = 0.07}.num_warmup_steps(100), 7);
  EXPECT_EQ(LrSchedulerRecipe{.warmup_steps = 1}.num_warmup_steps(100), 1);
  EXPECT_EQ(LrSchedulerRecipe{}.num_warmup_steps(100), 0);
  EXPECT_EQ(LrSchedulerRecipe{.decay_steps = 40}.num_decay_steps(400), 40);
  EXPECT_EQ(LrSchedulerRecipe{.decay_steps = 0.25}.num_decay_steps(100), 25);
  EXPECT_EQ(LrSchedulerRecipe{.decay_steps = 0.001}.num_decay_steps(100), 1);
  EXPECT_FALSE(LrSchedulerRecipe{}.num_decay_steps(100).has_value());
}

TEST(RecipeTest, RefusesAWayDownOfAScheduleThatHasNone) {
  const auto with_type = [](optim::ScheduleType type) {
    return [type](Recipe& recipe) {
      recipe.lr_scheduler.type = type;
      recipe.lr_scheduler.decay_steps = 5;
    };
  };
  for (const optim::ScheduleType type :
       {optim::ScheduleType::kConstant, optim::ScheduleType::kInverseSqrt}) {
    EXPECT_EQ(validation_error(with_type(type)),
              "lr_scheduler.decay_steps: must be null unless lr_scheduler.type is linear, cosine "
              "or wsd, found 5");
  }
  EXPECT_EQ(validation_error(with_type(optim::ScheduleType::kWsd)), "no ConfigError");
}

/// What resolve_batch() makes of a micro-batch of 4, as {global, accumulation}.
std::vector<int64_t> resolved(std::optional<int64_t> global_batch_size,
                              std::optional<int64_t> gradient_accumulation_steps,
                              int64_t dp) {
  Recipe recipe = valid_recipe();
  recipe.training.micro_batch_size = 4;
  recipe.training.global_batch_size = global_batch_size;
  recipe.training.gradient_accumulation_steps = gradient_accumulation_steps;
  resolve_batch(recipe, dp);
  return {*recipe.training.global_batch_size, *recipe.training.gradient_accumulation_steps};
}

TEST(RecipeTest, ComputesTheMissingBatchSize) {
  using Sizes = std::vector<int64_t>;
  EXPECT_EQ(resolved(std::nullopt, std::nullopt, 2), (Sizes{8, 1}));
  EXPECT_EQ(resolved(std::nullopt, 3, 2), (Sizes{24, 3}));
  EXPECT_EQ(resolved(16, std::nullopt, 1), (Sizes{16, 4}));
  EXPECT_EQ(resolved(16, std::nullopt, 4), (Sizes{16, 1}));
  EXPECT_EQ(resolved(24, 3, 2), (Sizes{24, 3}));
}

TEST(RecipeTest, ComputesTheMicroBatchSizeFromTheOtherTwo) {
  const auto micro_batch_size = [](std::optional<int64_t> global_batch_size,
                                   std::optional<int64_t> accumulation,
                                   int64_t dp) {
    Recipe recipe = valid_recipe();
    recipe.training.global_batch_size = global_batch_size;
    recipe.training.gradient_accumulation_steps = accumulation;
    resolve_batch(recipe, dp);
    return *recipe.training.micro_batch_size;
  };
  EXPECT_EQ(micro_batch_size(24, 3, 2), 4);
  EXPECT_EQ(micro_batch_size(24, std::nullopt, 2), 12);
  EXPECT_EQ(micro_batch_size(std::nullopt, 3, 2), 8);
  EXPECT_EQ(
      config_error([&] { micro_batch_size(10, 3, 2); }),
      "training.global_batch_size: must be a multiple of gradient_accumulation_steps 3 * dp 2 "
      "= 6, found 10");
}

TEST(RecipeTest, RefusesBatchSizesThatContradictEachOther) {
  EXPECT_EQ(config_error([] { resolved(16, 3, 2); }),
            "training.global_batch_size: must be micro_batch_size 4 * gradient_accumulation_steps "
            "3 * dp 2 = 24, found 16");
  EXPECT_EQ(config_error([] { resolved(16, std::nullopt, 3); }),
            "training.global_batch_size: must be a multiple of micro_batch_size 4 * dp 3 = 12, "
            "found 16");
}

TEST(RecipeTest, RefusesBatchesThatNoRankCanPass) {
  EXPECT_EQ(config_error([] { resolved(1 << 30, std::nullopt, 2); }),
            "training.global_batch_size: must be at most 1048576 * micro_batch_size 4 * dp 2 = 8, "
            "found 1073741824");
  EXPECT_EQ(validation_error(
                [](Recipe& recipe) { recipe.training.global_batch_size = 9000000000000000000; }),
            "training.global_batch_size: must be an integer from 1 to 2147483647 or null, found "
            "9000000000000000000");
}

TEST(RecipeTest, RefusesBatchSizesBeforeTheRanksAreKnown) {
  EXPECT_EQ(validation_error([](Recipe& recipe) {
              recipe.training.micro_batch_size = 4;
              recipe.training.global_batch_size = 18;
            }),
            "training.global_batch_size: must be a multiple of micro_batch_size 4, found 18");
}

TEST(RecipeTest, RefusesAVocabularyBelowTheTokenizers) {
  EXPECT_EQ(validation_error([](Recipe& recipe) { recipe.model.arch.vocab_size = 257; }),
            "model.arch.vocab_size: must be at least the tokenizer's 258, found 257");
}

TEST(RecipeTest, ChecksTheAxesAgainstTheRanks) {
  Recipe recipe;
  EXPECT_NO_THROW(check_world(recipe, 3));
  recipe.parallel.ep = 2;
  EXPECT_NO_THROW(check_world(recipe, 4));
  recipe.parallel.ep = 3;
  EXPECT_EQ(config_error([&recipe] { check_world(recipe, 4); }),
            "parallel.ep = 3: must divide the number of ranks 4");
  recipe.parallel.dp = 4;
  EXPECT_EQ(config_error([&recipe] { check_world(recipe, 2); }),
            "parallel.dp = 4: must equal the number of ranks 2\n"
            "parallel.ep = 3: must divide the number of ranks 2");
}

}  // namespace
}  // namespace hecaton::recipes
