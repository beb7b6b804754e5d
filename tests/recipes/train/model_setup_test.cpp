// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/model_setup.h"

#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "recipes/data/tokenizer.h"

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
                       .initializer_range = 0.03};
  recipe.moe.num_experts = 12;
  recipe.moe.num_experts_per_tok = 3;
  recipe.moe.moe_intermediate_size = 16;
  recipe.moe.shared_expert_intermediate_size = 20;
  recipe.moe.layers = std::vector<int64_t>{2, 0};
  recipe.moe.router.score_after_topk = true;
  recipe.moe.router.norm_topk_prob = false;
  recipe.moe.router.scaling_factor = 2.5;
  recipe.moe.capacity_factor = 1.25;
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
  EXPECT_EQ(config.initializer_range, 0.03);
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
  EXPECT_EQ(moe.capacity.factor, 1.25);
  ASSERT_EQ(moe.losses.size(), 2U);
  EXPECT_EQ(moe.losses[0].type, moe::RoutingLossType::kZ);
  EXPECT_EQ(moe.losses[0].coef, 0.001);
  EXPECT_EQ(moe.losses[1].type, moe::RoutingLossType::kSwitch);
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

TEST(ModelSetupTest, NamesEveryDtype) {
  for (const auto& [name, expected] : {std::pair{Dtype::kFloat32, at::kFloat},
                                       std::pair{Dtype::kBfloat16, at::kBFloat16},
                                       std::pair{Dtype::kFloat64, at::kDouble}}) {
    Recipe recipe;
    recipe.model.dtype = name;
    EXPECT_EQ(decoder_config(recipe).dtype, expected);
  }
}

TEST(ModelSetupTest, NamesEveryActivation) {
  for (const auto& [name, expected] :
       {std::pair{Activation::kSwiglu, kernels::Activation::kSwiGlu},
        std::pair{Activation::kGeglu, kernels::Activation::kGeGlu},
        std::pair{Activation::kGelu, kernels::Activation::kGelu},
        std::pair{Activation::kRelu2, kernels::Activation::kSquaredRelu}}) {
    Recipe recipe;
    recipe.model.arch.hidden_act = name;
    EXPECT_EQ(decoder_config(recipe).hidden_act, expected);
  }
}

TEST(ModelSetupTest, NamesEveryRouterScore) {
  for (const auto& [name, expected] :
       {std::pair{RouterScore::kSoftmax, moe::RouterScore::kSoftmax},
        std::pair{RouterScore::kSigmoid, moe::RouterScore::kSigmoid}}) {
    Recipe recipe;
    recipe.moe.router.score = name;
    EXPECT_EQ(decoder_config(recipe).moe.router.score, expected);
  }
}

TEST(ModelSetupTest, NamesEveryCapacityScope) {
  for (const auto& [name, expected] :
       {std::pair{CapacityScope::kSequence, moe::CapacityScope::kSequence},
        std::pair{CapacityScope::kMicroBatch, moe::CapacityScope::kMicroBatch},
        std::pair{CapacityScope::kRank, moe::CapacityScope::kRank}}) {
    Recipe recipe;
    recipe.moe.capacity_scope = name;
    EXPECT_EQ(decoder_config(recipe).moe.capacity.scope, expected);
  }
}

TEST(ModelSetupTest, HandsTheOptimizerOver) {
  Recipe recipe;
  recipe.optimizer = {.betas = {0.8, 0.99}, .eps = 1e-7, .weight_decay = 0.05};
  const optim::AdamWConfig config = adamw_config(recipe);
  EXPECT_EQ(config.beta1, 0.8);
  EXPECT_EQ(config.beta2, 0.99);
  EXPECT_EQ(config.eps, 1e-7);
  EXPECT_EQ(config.weight_decay, 0.05);
}

TEST(ModelSetupTest, HandsTheScheduleOver) {
  Recipe recipe;
  recipe.training.max_steps = 200;
  recipe.optimizer.lr = 0.002;
  recipe.lr_scheduler = {.type = "cosine", .warmup_steps = 0.1, .min_lr_ratio = 0.25};
  optim::ScheduleConfig config = schedule_config(recipe);
  EXPECT_EQ(config.type, optim::ScheduleType::kCosine);
  EXPECT_EQ(config.lr, 0.002);
  EXPECT_EQ(config.warmup_steps, 20);
  EXPECT_EQ(config.max_steps, 200);
  EXPECT_EQ(config.min_lr_ratio, 0.25);
  recipe.lr_scheduler.type = "constant";
  recipe.lr_scheduler.warmup_steps = 30;
  config = schedule_config(recipe);
  EXPECT_EQ(config.type, optim::ScheduleType::kConstant);
  EXPECT_EQ(config.warmup_steps, 30);
}

}  // namespace
}  // namespace hecaton::recipes
