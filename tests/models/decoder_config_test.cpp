// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder_config.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "models/decoder.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/expect_error.h"

namespace hecaton::models {
namespace {

using testing::expect_error;

struct FaultCase {
  std::function<void(DecoderConfig&)> spoil;
  std::string text;
};

std::vector<FaultCase> fault_cases() {
  return {
      {[](DecoderConfig& c) { c.hidden_size = 0; }, "model.hidden_size = 0: must be at least 1"},
      {[](DecoderConfig& c) { c.intermediate_size = -1; },
       "model.intermediate_size = -1: must be at least 1"},
      {[](DecoderConfig& c) { c.vocab_size = 0; }, "model.vocab_size = 0: must be at least 1"},
      {[](DecoderConfig& c) { c.num_key_value_heads = 3; },
       "model.num_key_value_heads = 3: must divide num_attention_heads=2"},
      {[](DecoderConfig& c) { c.head_dim = 5; }, "model.head_dim = 5: must be even, at least 2"},
      {[](DecoderConfig& c) { c.rms_norm_eps = 0.0; },
       "model.rms_norm_eps = 0: must be finite and above 0"},
      {[](DecoderConfig& c) { c.rope_theta = INFINITY; },
       "model.rope_theta = inf: must be finite and above 0"},
      {[](DecoderConfig& c) { c.initializer_range = NAN; },
       "model.initializer_range = nan: must be finite and above 0"},
      {[](DecoderConfig& c) { c.dtype = at::kHalf; },
       "model.dtype = Half: must be float32, bfloat16 or float64"},
      {[](DecoderConfig& c) {
         c.moe.layers = {0, 2};
       },
       "model.moe.layers = 2: must be in [0, num_hidden_layers=2)"},
      {[](DecoderConfig& c) { c.moe.moe_intermediate_size = 0; },
       "model.moe.moe_intermediate_size = 0: must be at least 1"},
      {[](DecoderConfig& c) { c.moe.shared_expert_intermediate_size = -1; },
       "model.moe.shared_expert_intermediate_size = -1: must be at least 0"},
      {[](DecoderConfig& c) { c.moe.router.num_experts_per_tok = 5; },
       "model.moe.router.num_experts_per_tok = 5: must be from 1 to num_experts=4"},
      {[](DecoderConfig& c) { c.moe.capacity.factor = -1.0; }, "model.moe.capacity_factor = -1"},
      {[](DecoderConfig& c) {
         c.moe.losses = {{.coef = 0.1}, {.coef = -0.5}};
       },
       "model.moe.losses.1.coef = -0.5"},
  };
}

TEST(DecoderConfigTest, NamesEachFault) {
  for (const FaultCase& fault : fault_cases()) {
    DecoderConfig config = small_config();
    fault.spoil(config);
    expect_error<ConfigError>([&] { config.validate(); }, fault.text);
    expect_error<ConfigError>([&] { Decoder decoder(config); }, fault.text);
  }
}

TEST(DecoderConfigTest, NamesHeadsAndLayersBelowOne) {
  DecoderConfig config = small_config();
  config.num_attention_heads = 0;
  expect_error<ConfigError>([&] { config.validate(); },
                            "model.num_attention_heads = 0: must be at least 1");
  config = small_config();
  config.num_hidden_layers = 0;
  expect_error<ConfigError>([&] { config.validate(); },
                            "model.num_hidden_layers = 0: must be at least 1");
  config = small_config();
  config.num_key_value_heads = 0;
  expect_error<ConfigError>([&] { config.validate(); },
                            "model.num_key_value_heads = 0: must divide num_attention_heads=2");
}

TEST(DecoderConfigTest, RefusesLayersOutOfOrder) {
  for (const int64_t second : {0, 1}) {
    DecoderConfig config = small_config();
    config.moe.layers = {1, second};
    expect_error<ConfigError>([&] { config.validate(); },
                              "model.moe.layers = list: must be ascending without repetition");
  }
}

TEST(DecoderConfigTest, ListsEveryFaultAtOnce) {
  DecoderConfig config = small_config();
  for (const FaultCase& fault : fault_cases()) {
    fault.spoil(config);
  }
  for (const FaultCase& fault : fault_cases()) {
    expect_error<ConfigError>([&] { config.validate(); }, fault.text);
  }
}

TEST(DecoderConfigTest, ADenseModelNeedsNoValidExperts) {
  DecoderConfig config = dense_config();
  config.moe.moe_intermediate_size = 0;
  config.moe.router.num_experts = 0;
  EXPECT_NO_THROW(config.validate());
}

TEST(DecoderConfigTest, KnowsItsMoeLayers) {
  DecoderConfig config;
  config.moe.layers = {1, 3};
  EXPECT_FALSE(config.is_moe_layer(0));
  EXPECT_TRUE(config.is_moe_layer(1));
  EXPECT_FALSE(config.is_moe_layer(2));
  EXPECT_TRUE(config.is_moe_layer(3));
}

}  // namespace
}  // namespace hecaton::models
