// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/memory_check.h"

#include <cstdint>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;

/// 2^20 parameters in each of two vocabulary matrices, and a few thousand others.
Recipe vocabulary_recipe() {
  Recipe recipe;
  recipe.model.arch.hidden_size = 16;
  recipe.model.arch.num_hidden_layers = 1;
  recipe.model.arch.intermediate_size = 16;
  recipe.model.arch.vocab_size = int64_t{1} << 16;
  recipe.moe.layers = std::vector<int64_t>{};
  recipe.dataset.sequence_length = 4;
  recipe.training.micro_batch_size = 1;
  recipe.training.gradient_accumulation_steps = 1;
  return recipe;
}

/// Least memory that passes, in MiB, to a hundredth.
double least_mib(const Recipe& recipe) {
  double below = 0.0;
  double above = 1e6;
  while (above - below > 0.01) {
    const double middle = (below + above) / 2;
    try {
      check_memory(recipe, middle / 1024);
      above = middle;
    } catch (const ConfigError&) {
      below = middle;
    }
  }
  return above;
}

TEST(MemoryCheckTest, CountsValuesMastersAndGradients) {
  Recipe recipe = vocabulary_recipe();
  EXPECT_NEAR(least_mib(recipe), 2 * 8, 0.1);
  recipe.model.dtype = at::kBFloat16;
  EXPECT_NEAR(least_mib(recipe), 2 * 6, 0.1) << "other ranks may have the masters";
  recipe.parallel.zero = 0;
  EXPECT_NEAR(least_mib(recipe), 2 * 10, 0.1);
  recipe.model.dtype = at::kDouble;
  EXPECT_NEAR(least_mib(recipe), 2 * 16, 0.1);
  recipe.optimizer.groups = {{.match = "lm_head*", .frozen = true}};
  EXPECT_NEAR(least_mib(recipe), 2 * 8, 0.1) << "frozen parameters have no gradient";
}

TEST(MemoryCheckTest, RanksThatSplitTheExpertsHoldAShareOfThem) {
  Recipe recipe = vocabulary_recipe();
  recipe.moe.layers.reset();
  recipe.moe.num_experts = 64;
  recipe.moe.moe_intermediate_size = 16384;  // 48 MiB of parameters
  const double alone = least_mib(recipe);
  recipe.parallel.ep = 4;
  EXPECT_NEAR(alone - least_mib(recipe), 48 * 8 * 0.75, 0.1);
}

TEST(MemoryCheckTest, CountsLogitsOfAChunkAndTokensOfAStep) {
  Recipe recipe = vocabulary_recipe();
  recipe.training.micro_batch_size = 1024;
  constexpr double kLogitMib = 512 * 65536 * 4 / 1048576.0;
  EXPECT_NEAR(least_mib(recipe), kLogitMib + 1024 * 4 / 1048576.0 * (16 * 4 + 25), 0.1);
  recipe.training.gradient_accumulation_steps = 1024;
  EXPECT_NEAR(least_mib(recipe), kLogitMib + 1024 * 4 / 1048576.0 * (16 * 4 + 25 * 1024), 0.1);
}

TEST(MemoryCheckTest, NamesTheSizes) {
  Recipe recipe = vocabulary_recipe();
  recipe.model.arch.hidden_size = 2000000000;
  expect_error<ConfigError>(
      [&] { check_memory(recipe, 16.0); },
      "model.arch.hidden_size = 2000000000, intermediate_size = 16, num_hidden_layers = 1, "
      "num_attention_heads = 4, head_dim = 500000000, vocab_size = 65536, moe.num_experts = 8, "
      "moe_intermediate_size = 256, shared_expert_intermediate_size = 0: weights and gradients "
      "need at least 1.192e+11 GiB on each rank, found 16 GiB of memory");
  recipe = vocabulary_recipe();
  recipe.dataset.sequence_length = 2147483647;
  expect_error<ConfigError>(
      [&] { check_memory(recipe, 16.0); },
      "dataset.sequence_length = 2147483647, training.micro_batch_size = 1, "
      "gradient_accumulation_steps = 1, model.arch.vocab_size = 65536: tokens and logits need at "
      "least 178.1 GiB on each rank, found 16 GiB of memory");
}

}  // namespace
}  // namespace hecaton::recipes
