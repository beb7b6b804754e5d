// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "core/held_memory.h"
#include "models/decoder.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::models {
namespace {

using testing::expect_bitwise_equal;

/// Two dense and two MoE blocks with losses and a capacity.
DecoderConfig config_with(ActivationCheckpointing mode, at::ScalarType dtype) {
  DecoderConfig config = small_config(dtype);
  config.num_hidden_layers = 4;
  config.moe.layers = {1, 3};
  config.moe.losses = {{"switch", 0.1}, {"z", 0.01}};
  config.moe.capacity.factor = 0.8;
  config.activation_checkpointing = mode;
  return config;
}

using Named = std::map<std::string, at::Tensor>;

/// The loss and every gradient of a pass over two sequences of several documents.
Named run(Decoder& decoder) {
  const int64_t V = decoder->config().vocab_size;
  BlockContext context;
  context.attention.mask_B1QQ = document_mask(random_tokens(2, 12, 2, "documents").to(at::kInt));
  const at::Tensor loss =
      decoder->loss(decoder->forward(random_tokens(2, 12, V, "tokens"), context),
                    random_tokens(2, 12, V, "next"));
  loss.backward();
  Named result = {{"loss", loss.detach()}};
  for (const Parameter& parameter : decoder->describe_parameters()) {
    if (parameter.tensor.grad().defined()) {
      result[parameter.name] = parameter.tensor.grad();
    }
  }
  return result;
}

void expect_same_bits(const Named& actual, const Named& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    SCOPED_TRACE(name);
    expect_bitwise_equal(actual.at(name), tensor);
  }
}

TEST(ActivationCheckpointingTest, ChangesNoBitOfLossAndGradients) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    SCOPED_TRACE(c10::toString(dtype));
    Decoder plain = random_decoder(config_with(ActivationCheckpointing::kNone, dtype));
    const Named expected = run(plain);
    EXPECT_EQ(expected.size(), plain->describe_parameters().size() + 1);
    for (const auto mode : {ActivationCheckpointing::kFull, ActivationCheckpointing::kMoe}) {
      Decoder decoder = random_decoder(config_with(mode, dtype));
      expect_same_bits(run(decoder), expected);
    }
  }
}

TEST(ActivationCheckpointingTest, ChangesNoBitWithFrozenParameters) {
  const auto frozen_run = [](ActivationCheckpointing mode) {
    Decoder decoder = random_decoder(config_with(mode, at::kDouble));
    for (const Parameter& parameter : decoder->describe_parameters()) {
      // The first block gets an input without gradient, and a router that only routes.
      const bool is_frozen = parameter.name == "model.embed_tokens.weight" ||
                             parameter.name == "model.layers.1.mlp.gate.weight" ||
                             parameter.name == "model.layers.3.mlp.experts.up";
      parameter.tensor.set_requires_grad(!is_frozen);
    }
    return run(decoder);
  };
  const Named expected = frozen_run(ActivationCheckpointing::kNone);
  EXPECT_EQ(expected.count("model.layers.3.mlp.experts.up"), 0U);
  EXPECT_EQ(expected.count("model.layers.3.mlp.experts.down"), 1U);
  expect_same_bits(frozen_run(ActivationCheckpointing::kFull), expected);
  expect_same_bits(frozen_run(ActivationCheckpointing::kMoe), expected);
}

TEST(ActivationCheckpointingTest, HoldsLessUntilBackward) {
  const auto bytes_held = [](ActivationCheckpointing mode) {
    DecoderConfig config = config_with(mode, at::kFloat);
    config.hidden_size = 32;
    config.intermediate_size = 128;
    config.moe.moe_intermediate_size = 64;
    config.moe.capacity.factor.reset();
    Decoder decoder(config);
    const at::Tensor token_BQ = random_tokens(4, 32, config.vocab_size, "tokens");
    logits_of(decoder, token_BQ);  // statistics and rotary tables are there from now on
    const HeldMemory memory;
    const at::Tensor logit_BQV = logits_of(decoder, token_BQ);
    return memory.num_bytes();
  };
  const int64_t none = bytes_held(ActivationCheckpointing::kNone);
  const int64_t moe = bytes_held(ActivationCheckpointing::kMoe);
  const int64_t full = bytes_held(ActivationCheckpointing::kFull);
  // Two MoE layers of 128 tokens, 2 slots each: pre-activations of 2 * 64 numbers.
  EXPECT_LE(moe, none - int64_t{2} * 256 * 128 * 4);
  // Of each of four blocks its input of 128 tokens is left, and beside them what the head keeps and
  // the plans: together less than another six inputs.
  EXPECT_LT(full, 10 * 128 * 32 * 4);
  EXPECT_LT(full, moe / 4);
}

TEST(ActivationCheckpointingTest, GenerationIsLeftAlone) {
  Decoder plain = random_decoder(config_with(ActivationCheckpointing::kNone, at::kDouble));
  Decoder decoder = random_decoder(config_with(ActivationCheckpointing::kFull, at::kDouble));
  const at::Tensor token_BQ = random_tokens(1, 5, plain->config().vocab_size, "tokens");
  const auto step = [&](Decoder& model) {
    KvCache cache;
    BlockContext context;
    context.attention.cache = &cache;
    const at::Tensor y_BQD = model->block(0, model->embed(token_BQ), context);
    y_BQD.sum().backward();  // a block that is computed again would fill the cache again
    EXPECT_EQ(cache.length, 5);
    return y_BQD.detach();
  };
  expect_bitwise_equal(step(decoder), step(plain));
}

}  // namespace
}  // namespace hecaton::models
