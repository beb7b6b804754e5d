// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder_size.h"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

#include "models/decoder.h"
#include "tests/models/decoder_cases.h"

namespace hecaton::models {
namespace {

/// The size of the decoder that the config really makes.
DecoderSize made_size(const DecoderConfig& config) {
  Decoder decoder(config);
  DecoderSize size;
  for (const Parameter& parameter : decoder->describe_parameters()) {
    const auto numel = static_cast<double>(parameter.tensor.numel());
    const bool is_expert = parameter.replicas == ReplicaAxis::kExpert;
    (is_expert ? size.expert_parameters : size.dense_parameters) += numel;
    size.num_tensors += static_cast<double>(parameter.slices.size());
  }
  return size;
}

void expect_made_size(const DecoderConfig& config) {
  const DecoderSize expected = made_size(config);
  const DecoderSize size = decoder_size(config);
  EXPECT_EQ(size.num_tensors, expected.num_tensors);
  EXPECT_EQ(size.dense_parameters, expected.dense_parameters);
  EXPECT_EQ(size.expert_parameters, expected.expert_parameters);
}

TEST(DecoderSizeTest, IsThatOfTheDecoder) {
  expect_made_size(small_config());
  expect_made_size(dense_config());
  DecoderConfig config = small_config();
  config.tie_word_embeddings = true;
  config.qk_norm = false;
  config.hidden_act = kernels::Activation::kGelu;
  config.moe.layers = {0, 1};
  config.moe.shared_expert_intermediate_size = 0;
  expect_made_size(config);
}

TEST(DecoderSizeTest, NoSizeIsTooLarge) {
  DecoderConfig config = small_config();
  for (int64_t* size : {&config.hidden_size,
                        &config.vocab_size,
                        &config.num_hidden_layers,
                        &config.head_dim,
                        &config.moe.moe_intermediate_size,
                        &config.moe.router.num_experts}) {
    *size = INT64_MAX;
  }
  const DecoderSize size = decoder_size(config);
  EXPECT_GT(size.dense_parameters, 1e38);
  EXPECT_TRUE(std::isfinite(size.dense_parameters + size.expert_parameters + size.num_tensors));
}

}  // namespace
}  // namespace hecaton::models
