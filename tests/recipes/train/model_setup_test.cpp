// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/model_setup.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/config/recipe_io.h"
#include "recipes/data/tokenizer.h"
#include "tests/testing/random_tensor.h"

namespace hecaton::recipes {
namespace {

/// A recipe none of whose numbers is a default.
Recipe odd_recipe() {
  Recipe recipe;
  recipe.model.arch = {.hidden_size = 24,
                       .intermediate_size = 40,
                       .num_hidden_layers = 3,
                       .num_attention_heads = 6,
                       .num_key_value_heads = 2,
                       .head_dim = 10,
                       .vocab_size = 99,
                       .rms_norm_eps = 1e-6,
                       .rope_theta = 5e5,
                       .tie_word_embeddings = true,
                       .qk_norm = true,
                       .hidden_act = kernels::Activation::kGelu,
                       .initializer_range = 0.03};
  recipe.model.dtype = at::kBFloat16;
  recipe.moe.num_experts = 12;
  recipe.moe.num_experts_per_tok = 3;
  recipe.moe.moe_intermediate_size = 16;
  recipe.moe.shared_expert_intermediate_size = 20;
  recipe.moe.layers = std::vector<int64_t>{2, 0};
  recipe.moe.router.score_after_topk = true;
  recipe.moe.router.norm_topk_prob = false;
  recipe.moe.router.scaling_factor = 2.5;
  recipe.moe.router.score = moe::RouterScore::kSigmoid;
  recipe.moe.capacity_factor = 1.25;
  recipe.moe.capacity_scope = moe::CapacityScope::kRank;
  recipe.training.activation_checkpointing = models::ActivationCheckpointing::kMoe;
  recipe.moe.losses = {{.type = "z", .coef = 0.001}, {.type = "switch", .coef = 0.02}};
  return recipe;
}

TEST(ModelSetupTest, HandsEverySizeToTheDecoder) {
  const models::DecoderConfig config = decoder_config(odd_recipe());
  EXPECT_EQ(config.hidden_size, 24);
  EXPECT_EQ(config.intermediate_size, 40);
  EXPECT_EQ(config.num_hidden_layers, 3);
  EXPECT_EQ(config.num_attention_heads, 6);
  EXPECT_EQ(config.num_key_value_heads, 2);
  EXPECT_EQ(config.head_dim, 10);
  EXPECT_EQ(config.vocab_size, 99);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.rope_theta, 5e5);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_TRUE(config.qk_norm);
  EXPECT_EQ(config.hidden_act, kernels::Activation::kGelu);
  EXPECT_EQ(config.dtype, at::kBFloat16);
  EXPECT_EQ(config.initializer_range, 0.03);
  EXPECT_EQ(config.activation_checkpointing, models::ActivationCheckpointing::kMoe);
  EXPECT_NO_THROW(config.validate());
}

TEST(ModelSetupTest, HandsTheExpertsToTheDecoder) {
  const models::DecoderMoeConfig moe = decoder_config(odd_recipe()).moe;
  EXPECT_EQ(moe.layers, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(moe.moe_intermediate_size, 16);
  EXPECT_EQ(moe.shared_expert_intermediate_size, 20);
  EXPECT_EQ(moe.router.num_experts, 12);
  EXPECT_EQ(moe.router.num_experts_per_tok, 3);
  EXPECT_TRUE(moe.router.score_after_topk);
  EXPECT_FALSE(moe.router.norm_topk_prob);
  EXPECT_EQ(moe.router.scaling_factor, 2.5);
  EXPECT_EQ(moe.router.score, moe::RouterScore::kSigmoid);
  EXPECT_EQ(moe.capacity.factor, 1.25);
  EXPECT_EQ(moe.capacity.scope, moe::CapacityScope::kRank);
  ASSERT_EQ(moe.losses.size(), 2U);
  EXPECT_EQ(moe.losses[0].type, "z");
  EXPECT_EQ(moe.losses[0].coef, 0.001);
  EXPECT_EQ(moe.losses[1].type, "switch");
  EXPECT_EQ(moe.losses[1].coef, 0.02);
}

TEST(ModelSetupTest, FillsUnsetKeysFromOthers) {
  Recipe recipe;
  recipe.model.arch.hidden_size = 96;
  recipe.model.arch.num_attention_heads = 6;
  recipe.model.arch.num_hidden_layers = 3;
  const models::DecoderConfig config = decoder_config(recipe);
  EXPECT_EQ(config.num_key_value_heads, 6);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.vocab_size, ByteTokenizer::kVocabSize);
  EXPECT_EQ(config.moe.layers, (std::vector<int64_t>{0, 1, 2}));
  EXPECT_FALSE(config.moe.capacity.factor.has_value());
}

TEST(ModelSetupTest, HandsTheOptimizerOver) {
  Recipe recipe;
  recipe.optimizer = {.betas = {0.8, 0.99}, .eps = 1e-7, .weight_decay = 0.05};
  optim::OptimizerConfig config = optimizer_config(recipe);
  EXPECT_EQ(config.type, optim::OptimizerType::kAdamW);
  EXPECT_EQ(config.settings.adamw.beta1, 0.8);
  EXPECT_EQ(config.settings.adamw.beta2, 0.99);
  EXPECT_EQ(config.settings.adamw.eps, 1e-7);
  EXPECT_EQ(config.settings.adamw.weight_decay, 0.05);
  EXPECT_TRUE(config.groups.empty());
  recipe.optimizer.type = "muon";
  recipe.optimizer.momentum = 0.8;
  config = optimizer_config(recipe);
  EXPECT_EQ(config.type, optim::OptimizerType::kMuon);
  EXPECT_EQ(config.settings.momentum, 0.8);
}

TEST(ModelSetupTest, HandsTheParameterGroupsOver) {
  Recipe recipe;
  recipe.optimizer.groups = {{.match = "*.gate.weight", .frozen = true},
                             {.match = "*", .lr_scale = 0.5, .weight_decay = 0.25}};
  const std::vector<optim::ParameterRule> rules = optimizer_config(recipe).groups;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].match, "*.gate.weight");
  EXPECT_TRUE(rules[0].update.is_frozen);
  EXPECT_EQ(rules[1].match, "*");
  EXPECT_EQ(rules[1].update.lr_scale, 0.5);
  EXPECT_EQ(rules[1].update.weight_decay, 0.25);
  EXPECT_FALSE(rules[1].update.is_frozen);
}

TEST(ModelSetupTest, HandsTheScheduleOver) {
  Recipe recipe;
  recipe.training.max_steps = 200;
  recipe.optimizer.lr = 0.002;
  recipe.lr_scheduler = {.type = optim::ScheduleType::kWsd,
                         .warmup_steps = 0.1,
                         .min_lr_ratio = 0.25,
                         .decay_steps = 0.2};
  optim::ScheduleConfig config = schedule_config(recipe);
  EXPECT_EQ(config.type, optim::ScheduleType::kWsd);
  EXPECT_EQ(config.lr, 0.002);
  EXPECT_EQ(config.warmup_steps, 20);
  EXPECT_EQ(config.max_steps, 200);
  EXPECT_EQ(config.min_lr_ratio, 0.25);
  EXPECT_EQ(config.decay_steps, 40);
  recipe.lr_scheduler.decay_steps.reset();
  recipe.lr_scheduler.warmup_steps = 30;
  config = schedule_config(recipe);
  EXPECT_FALSE(config.decay_steps.has_value());
  EXPECT_EQ(config.warmup_steps, 30);
}

/// A recipe that differs from the defaults in a few keys, set to values at the ends of their
/// ranges.
Recipe random_recipe(std::mt19937& random) {
  Recipe recipe;
  recipe.output_dir = "runs/test";
  recipe.dataset.train = {{.path = "data"}};
  recipe.training.max_steps = 10;
  const auto is_changed = [&] { return random() % 4 == 0; };
  const auto pick = [&](const auto& values) {
    return *(values.begin() + static_cast<std::ptrdiff_t>(random() % values.size()));
  };
  const auto set = [&](auto& key, const auto& values) {
    if (is_changed()) {
      key = pick(values);
    }
  };
  const std::vector<int64_t> sizes = {1, 2, 3, 6, 12, 64, 65536, 2147483647};
  const std::vector<double> numbers = {1e-320, 1e-300, 1e-7, 1e-6, 0.5, 1.0, 1e6, 2e6, 1e300};
  ArchRecipe& arch = recipe.model.arch;
  for (int64_t* size : {&arch.hidden_size,
                        &arch.intermediate_size,
                        &arch.num_attention_heads,
                        &recipe.moe.num_experts,
                        &recipe.moe.num_experts_per_tok,
                        &recipe.moe.moe_intermediate_size}) {
    set(*size, sizes);
  }
  set(arch.num_key_value_heads, sizes);
  set(arch.head_dim, sizes);
  set(arch.num_hidden_layers, std::vector<int64_t>{1, 2, 100});
  for (double* value : {&arch.rms_norm_eps,
                        &arch.rope_theta,
                        &arch.initializer_range,
                        &recipe.moe.router.scaling_factor,
                        &recipe.moe.losses.front().coef}) {
    set(*value, numbers);
  }
  set(recipe.moe.capacity_factor, numbers);
  set(recipe.moe.layers, std::vector<std::vector<int64_t>>{{}, {0}, {1, 0}, {3, 1}, {99}});
  for (bool* flag : {&recipe.moe.router.score_after_topk, &recipe.moe.router.norm_topk_prob}) {
    set(*flag, std::vector<int>{0, 1});
  }
  set(recipe.moe.router.score, std::vector<moe::RouterScore>{moe::RouterScore::kSigmoid});
  return recipe;
}

TEST(ModelSetupTest, TheLibraryFindsNoFaultInARecipeWithinItsRules) {
  std::mt19937 random(static_cast<uint32_t>(testing::test_seed()));
  int num_valid = 0;
  for (int i = 0; i < 4000; ++i) {
    const Recipe recipe = random_recipe(random);
    try {
      validate_recipe(recipe);
    } catch (const ConfigError&) {
      continue;  // what users are told by line and column
    }
    ++num_valid;
    EXPECT_NO_THROW(decoder_config(recipe).validate())
        << print_recipe({recipe, {}, {}}, /*with_origins=*/false);
  }
  EXPECT_GT(num_valid, 400);
}

}  // namespace
}  // namespace hecaton::recipes
