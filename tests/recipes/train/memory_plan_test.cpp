// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/memory_plan.h"

#include <vector>

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/flat_parameters.h"
#include "core/held_memory.h"
#include "models/decoder.h"
#include "parallel/single.h"
#include "recipes/train/training_engine.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using models::small_config;

/// Without the gaps between tensors.
int64_t num_bytes_of(const FlatBuffer& buffer) {
  int64_t num_bytes = 0;
  for (int64_t i = 0; i < buffer.num_tensors(); ++i) {
    num_bytes += static_cast<int64_t>(buffer.view(i).nbytes());
  }
  return num_bytes;
}

void expect_plan_of_engine(const models::DecoderConfig& model,
                           const optim::OptimizerConfig& optimizer) {
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  TrainingEngine engine(model, optimizer, /*seed=*/1, mesh);
  MemoryPlan held;
  for (const FlatGroup& group : engine.parameters().groups()) {
    held.weights += num_bytes_of(group.value);
    held.masters += group.has_master_copy() ? num_bytes_of(group.master) : 0;
    held.gradients += num_bytes_of(group.grad);
  }
  for (const optim::OptimizerState& state : engine.optimizer().states()) {
    held.moments += num_bytes_of(state.buffer);
  }
  const MemoryPlan plan = plan_memory(model, optimizer, {});
  EXPECT_EQ(plan.weights, held.weights);
  EXPECT_EQ(plan.masters, held.masters);
  EXPECT_EQ(plan.gradients, held.gradients);
  EXPECT_EQ(plan.moments, held.moments);
}

TEST(MemoryPlanTest, WeightsGradientsAndMomentsAreThoseOfTheEngine) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    SCOPED_TRACE(c10::toString(dtype));
    expect_plan_of_engine(small_config(dtype), {});
    expect_plan_of_engine(small_config(dtype), {.type = optim::OptimizerType::kMuon});
    expect_plan_of_engine(small_config(dtype),
                          {.groups = {{.match = "*.experts.*", .update = {.is_frozen = true}},
                                      {.match = "*norm*", .update = {.is_frozen = true}}}});
  }
}

TEST(MemoryPlanTest, RefusesRulesThatMatchNothing) {
  testing::expect_error<ConfigError>(
      [] {
        plan_memory(small_config(),
                    {.groups = {{.match = "*.expert.*", .update = {.is_frozen = true}}}},
                    {});
      },
      "*.expert.*");
}

TEST(MemoryPlanTest, ExpertsAreSharedByTheirRanks) {
  const models::DecoderConfig config = small_config(at::kFloat);
  const int64_t expert_bytes = int64_t{4} * 4 * 3 * 3 * 6;
  const MemoryPlan alone = plan_memory(config, {}, {.ep = 1});
  const MemoryPlan shared = plan_memory(config, {}, {.dp = 4, .ep = 4});
  EXPECT_EQ(alone.weights - shared.weights, expert_bytes / 4 * 3);
  EXPECT_EQ(alone.gradients - shared.gradients, expert_bytes / 4 * 3);
  EXPECT_EQ(alone.dense_gradients, alone.weights - expert_bytes);
  EXPECT_EQ(shared.dense_gradients, alone.dense_gradients);
}

TEST(MemoryPlanTest, HoldersShareMastersAndMomentsUnlessZeroIs0) {
  const models::DecoderConfig config = small_config(at::kBFloat16);
  const int64_t expert_bytes = int64_t{4} * 3 * 3 * 6;  // float32, of a quarter of the experts
  const auto at_zero = [&config](int64_t zero) {
    return plan_memory(config, {}, {.dp = 4, .ep = 4, .zero = zero});
  };
  const MemoryPlan whole = at_zero(0);
  const MemoryPlan shared = at_zero(1);
  EXPECT_EQ(shared.weights, whole.weights);
  EXPECT_EQ(shared.gradients, whole.gradients);
  // A quarter of the experts has one holder, everything else has four; a few bytes for sizes that
  // four does not divide.
  const auto expect_shared = [](int64_t shared_bytes, int64_t whole_bytes, int64_t own_bytes) {
    EXPECT_LE(std::abs(shared_bytes - own_bytes - (whole_bytes - own_bytes) / 4), 64);
  };
  expect_shared(shared.masters, whole.masters, expert_bytes);
  expect_shared(shared.moments, whole.moments, 2 * expert_bytes);
}

/// What is alive after the forward pass and the loss of B sequences of Q tokens.
int64_t measured_activations(const models::DecoderConfig& config, int64_t B, int64_t Q) {
  models::Decoder decoder = models::random_decoder(config);
  const at::Tensor token_BQ = models::random_tokens(B, Q, config.vocab_size, "tokens");
  const HeldMemory memory;
  models::BlockContext context;
  const at::Tensor loss = decoder->head_loss(decoder->hidden(token_BQ, context), token_BQ);
  return memory.num_bytes();
}

TEST(MemoryPlanTest, ActivationsAreNearWhatAForwardPassKeeps) {
  constexpr int64_t B = 2;
  constexpr int64_t Q = 64;
  models::DecoderConfig config;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.num_hidden_layers = 3;
  config.head_dim = 16;
  config.qk_norm = true;
  config.moe.moe_intermediate_size = 48;
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    config.dtype = dtype;
    for (const bool has_experts : {false, true}) {
      config.moe.layers = has_experts ? std::vector<int64_t>{0, 1, 2} : std::vector<int64_t>{};
      const auto measured = static_cast<double>(measured_activations(config, B, Q));
      const auto planned = static_cast<double>(
          plan_memory(config, {}, {.micro_batch_size = B, .sequence_length = Q}).activations);
      EXPECT_NEAR(planned / measured, 1.0, 0.25)
          << c10::toString(dtype) << (has_experts ? ", experts" : ", dense") << ": planned "
          << planned << ", measured " << measured;
    }
  }
}

TEST(MemoryPlanTest, ActivationsGrowWithTheTokensOfAMicroBatch) {
  const models::DecoderConfig config = small_config(at::kFloat);
  const auto activations = [&](int64_t B, int64_t Q) {
    return plan_memory(config, {}, {.micro_batch_size = B, .sequence_length = Q}).activations;
  };
  EXPECT_EQ(activations(3, 16), 6 * activations(1, 8));
}

TEST(MemoryPlanTest, TheLossHoldsTheLogitsOfAChunk) {
  const models::DecoderConfig config = small_config(at::kFloat);
  const auto loss = [&](int64_t B, int64_t Q) {
    return plan_memory(config, {}, {.micro_batch_size = B, .sequence_length = Q}).loss;
  };
  const int64_t D = config.hidden_size;
  EXPECT_EQ(loss(1, 8), int64_t{4} * config.vocab_size * (D + int64_t{2} * 8));
  EXPECT_EQ(loss(2, 4096), int64_t{4} * config.vocab_size * (D + int64_t{2} * 512));
}

TEST(MemoryPlanTest, RowsOfOtherRanksAreKept) {
  const models::DecoderConfig config = small_config(at::kFloat);
  const auto activations = [&](int64_t ep) {
    return plan_memory(config, {}, {.ep = ep, .sequence_length = 8}).activations;
  };
  const auto num_moe_layers = static_cast<int64_t>(config.moe.layers.size());
  EXPECT_EQ(
      activations(2) - activations(1),
      int64_t{4} * 8 * num_moe_layers * config.moe.router.num_experts_per_tok * config.hidden_size);
}

TEST(MemoryPlanTest, RecomputationKeepsLess) {
  models::DecoderConfig config = small_config(at::kFloat);
  const auto activations = [&](models::ActivationCheckpointing mode, int64_t num_layers) {
    config.activation_checkpointing = mode;
    config.num_hidden_layers = num_layers;
    config.moe.layers.clear();
    for (int64_t layer = 0; layer < num_layers; ++layer) {
      config.moe.layers.push_back(layer);
    }
    return plan_memory(config, {}, {}).activations;
  };
  const auto per_layer = [&](models::ActivationCheckpointing mode) {
    return activations(mode, 5) - activations(mode, 4);
  };
  const int64_t block_input = 4 * config.hidden_size;
  EXPECT_EQ(per_layer(models::ActivationCheckpointing::kFull), block_input);
  EXPECT_LT(block_input, per_layer(models::ActivationCheckpointing::kMoe));
  EXPECT_LT(per_layer(models::ActivationCheckpointing::kMoe),
            per_layer(models::ActivationCheckpointing::kNone));
}

}  // namespace
}  // namespace hecaton::recipes
