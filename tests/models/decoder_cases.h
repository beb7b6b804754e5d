// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "core/rng.h"
#include "models/decoder.h"
#include "tests/testing/random_tensor.h"

namespace hecaton::models {

/// A relative error of 1e-12 in float64, as a factor for expect_close().
constexpr double kDoubleFactor = 1e-12 / 2.220446049250313e-16;

/// A dense block and an MoE block with everything that a decoder can have. Sizes are pairwise
/// different, so that a mixed-up dim shows.
inline DecoderConfig small_config(at::ScalarType dtype = at::kDouble) {
  DecoderConfig config;
  config.hidden_size = 6;
  config.intermediate_size = 5;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = 4;
  config.vocab_size = 11;
  config.rope_theta = 100.0;
  config.qk_norm = true;
  config.initializer_range = 0.5;
  config.dtype = dtype;
  config.moe.layers = {1};
  config.moe.moe_intermediate_size = 3;
  config.moe.shared_expert_intermediate_size = 7;
  config.moe.router.num_experts = 4;
  config.moe.router.num_experts_per_tok = 2;
  return config;
}

inline DecoderConfig dense_config(at::ScalarType dtype = at::kDouble) {
  DecoderConfig config = small_config(dtype);
  config.moe.layers.clear();
  return config;
}

/// A decoder whose norm weights are random too, around 1: at their initial value of exactly 1 a
/// forgotten one would not show.
inline Decoder random_decoder(const DecoderConfig& config) {
  const at::NoGradGuard no_grad;
  Decoder decoder(config);
  decoder->initialize(testing::test_seed());
  for (const Parameter& parameter : decoder->describe_parameters()) {
    if (parameter.initial.kind == InitialValue::Kind::kOnes) {
      at::Tensor weight = parameter.tensor;
      weight.add_(
          testing::random_tensor(weight.sizes(), weight.scalar_type(), parameter.name).mul_(0.3));
    }
  }
  return decoder;
}

/// [B, Q] int64 tokens of the vocabulary.
inline at::Tensor random_tokens(int64_t B, int64_t Q, int64_t vocab_size, const std::string& name) {
  const CounterRng rng(testing::test_seed(), name);
  at::Tensor token_BQ = at::empty({B, Q}, at::TensorOptions().dtype(at::kLong));
  auto* token = token_BQ.data_ptr<int64_t>();
  for (int64_t i = 0; i < B * Q; ++i) {
    token[i] = static_cast<int64_t>(rng.bits(static_cast<uint64_t>(i)) %
                                    static_cast<uint64_t>(vocab_size));
  }
  return token_BQ;
}

/// Logits of a whole pass without a mask of documents.
inline at::Tensor logits_of(Decoder& decoder, const at::Tensor& token_BQ) {
  BlockContext context;
  return decoder->forward(token_BQ, context);
}

}  // namespace hecaton::models
