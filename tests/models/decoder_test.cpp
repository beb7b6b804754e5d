// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/decoder_cases.h"
#include "tests/models/reference_decoder.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::models {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;

/// Configurations that take another way through the code, with a name each.
std::vector<std::pair<std::string, DecoderConfig>> varied_configs() {
  DecoderConfig plain = dense_config();
  plain.qk_norm = false;
  plain.num_key_value_heads = 2;
  DecoderConfig tied = small_config();
  tied.tie_word_embeddings = true;
  tied.moe.layers = {0, 1};
  tied.moe.shared_expert_intermediate_size = 0;
  tied.moe.router.scaling_factor = 2.5;
  return {{"small", small_config()}, {"plain dense", plain}, {"tied", tied}};
}

TEST(DecoderTest, EqualsItsDefinition) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, config] : varied_configs()) {
    SCOPED_TRACE(name);
    Decoder decoder = random_decoder(config);
    const at::Tensor token_BQ = random_tokens(2, 5, config.vocab_size, "tokens");
    const at::Tensor expected_BQV =
        at::stack({reference_logits(decoder, token_BQ[0]), reference_logits(decoder, token_BQ[1])});
    expect_close(logits_of(decoder, token_BQ), expected_BQV, kDoubleFactor);
  }
}

TEST(DecoderTest, PartsCalledOneByOneEqualForward) {
  const at::NoGradGuard no_grad;
  Decoder decoder = random_decoder(small_config());
  const at::Tensor token_BQ = random_tokens(2, 5, decoder->config().vocab_size, "tokens");
  BlockContext context;
  at::Tensor x_BQD = decoder->embed(token_BQ);
  EXPECT_EQ(x_BQD.sizes(), at::IntArrayRef({2, 5, 6}));
  for (int64_t layer = 0; layer < 2; ++layer) {
    x_BQD = decoder->block(layer, x_BQD, context);
    EXPECT_EQ(x_BQD.sizes(), at::IntArrayRef({2, 5, 6}));
  }
  expect_bitwise_equal(decoder->head(x_BQD), logits_of(decoder, token_BQ));
}

TEST(DecoderTest, EarlierLogitsDoNotSeeALaterToken) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, config] : varied_configs()) {
    SCOPED_TRACE(name);
    Decoder decoder = random_decoder(config);
    const at::Tensor token_BQ = random_tokens(2, 6, config.vocab_size, "tokens");
    at::Tensor changed_BQ = token_BQ.clone();
    changed_BQ.select(1, 4).add_(1).remainder_(config.vocab_size);
    const at::Tensor before = logits_of(decoder, token_BQ);
    const at::Tensor after = logits_of(decoder, changed_BQ);
    if (config.moe.layers.empty()) {
      expect_bitwise_equal(after.narrow(1, 0, 4), before.narrow(1, 0, 4));
    } else {  // other tokens beside it in an expert's product may change its last bits
      expect_close(after.narrow(1, 0, 4), before.narrow(1, 0, 4), kDoubleFactor);
    }
    EXPECT_FALSE(at::equal(after.select(1, 4), before.select(1, 4)));
    EXPECT_FALSE(at::equal(after.select(1, 5), before.select(1, 5)));
  }
}

TEST(DecoderTest, DocumentsOfARowEqualSeparateRuns) {
  const at::NoGradGuard no_grad;
  Decoder decoder = random_decoder(small_config());
  const at::Tensor token_BQ = random_tokens(1, 8, decoder->config().vocab_size, "tokens");
  BlockContext context;
  context.attention.mask_B1QQ = document_mask(
      at::tensor({0, 0, 0, 1, 1, 1, 1, 2}, at::TensorOptions().dtype(at::kInt)).view({1, 8}));
  const at::Tensor packed_BQV = decoder->forward(token_BQ, context);
  // Rotary attention sees distances alone, so a document may start at any position.
  const at::Tensor separate_BQV = at::cat({logits_of(decoder, token_BQ.narrow(1, 0, 3)),
                                           logits_of(decoder, token_BQ.narrow(1, 3, 4)),
                                           logits_of(decoder, token_BQ.narrow(1, 7, 1))},
                                          1);
  expect_close(packed_BQV, separate_BQV, kDoubleFactor);
}

/// Logits of pieces that are handed over one after the other, with a cache.
at::Tensor cached_logits(Decoder& decoder,
                         const at::Tensor& token_BQ,
                         const std::vector<int64_t>& piece_sizes) {
  std::vector<KvCache> caches(static_cast<size_t>(decoder->config().num_hidden_layers));
  std::vector<at::Tensor> logit_BQV;
  for (const at::Tensor& piece_BQ : token_BQ.split_with_sizes(piece_sizes, 1)) {
    BlockContext context;
    context.attention.first_position = caches.front().length;
    at::Tensor x_BQD = decoder->embed(piece_BQ);
    for (size_t layer = 0; layer < caches.size(); ++layer) {
      context.attention.cache = &caches[layer];
      x_BQD = decoder->block(static_cast<int64_t>(layer), x_BQD, context);
    }
    logit_BQV.push_back(decoder->head(x_BQD));
  }
  return at::cat(logit_BQV, 1);
}

TEST(DecoderTest, TokenByTokenWithACacheEqualsOnePass) {
  const at::NoGradGuard no_grad;
  constexpr double kFactor = 1e-10 / 2.220446049250313e-16;
  for (const auto& [name, config] : varied_configs()) {
    SCOPED_TRACE(name);
    Decoder decoder = random_decoder(config);
    const at::Tensor token_BQ = random_tokens(2, 12, config.vocab_size, "tokens");
    const at::Tensor expected_BQV = logits_of(decoder, token_BQ);
    expect_close(
        cached_logits(decoder, token_BQ, std::vector<int64_t>(12, 1)), expected_BQV, kFactor);
    expect_close(cached_logits(decoder, token_BQ, {3, 1, 5, 2, 1}), expected_BQV, kFactor);
  }
}

TEST(DecoderTest, TrainsInBfloat16WithARouterInFloat32) {
  DecoderConfig config = small_config(at::kBFloat16);
  config.initializer_range = 0.1;
  Decoder decoder(config);
  decoder->initialize(1);
  config.dtype = at::kFloat;
  Decoder decoder32(config);
  decoder32->initialize(1);
  const at::Tensor token_BQ = random_tokens(4, 8, config.vocab_size, "tokens");
  const at::Tensor target_BQ = random_tokens(4, 8, config.vocab_size, "targets");
  const at::Tensor loss = decoder->loss(logits_of(decoder, token_BQ), target_BQ);
  const at::Tensor loss32 = decoder32->loss(logits_of(decoder32, token_BQ), target_BQ);
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  // A logit is a sum of 6 products of size 0.1 and carries a handful of roundings of 2^-9 each;
  // their errors have either sign and partly cancel over 32 tokens.
  EXPECT_NEAR(loss.item<double>() / 32, loss32.item<double>() / 32, 0.01);
  EXPECT_NE(loss.item<double>(), loss32.item<double>());
  loss.backward();
  for (const Parameter& parameter : decoder->describe_parameters()) {
    const bool is_router = parameter.name == "model.layers.1.mlp.gate.weight";
    EXPECT_EQ(parameter.tensor.scalar_type(), is_router ? at::kFloat : at::kBFloat16)
        << parameter.name;
    ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
    const double largest = parameter.tensor.grad().abs().max().item<double>();
    EXPECT_TRUE(largest > 0.0 && largest < 100.0) << parameter.name << " " << largest;
  }
}

TEST(DecoderTest, RefusesTokensItCannotEmbed) {
  Decoder decoder(small_config());
  const auto embed = [&](const std::vector<int64_t>& ids) {
    return [&decoder, ids] {
      decoder->embed(at::tensor(ids, at::TensorOptions().dtype(at::kLong)).unsqueeze(0));
    };
  };
  expect_error<ShapeError>(embed({0, 11}), "token_BQ must be in [0, vocab_size=11): found 11");
  expect_error<ShapeError>(embed({-1, 3}), "token_BQ must be in [0, vocab_size=11): found -1");
  const at::Tensor token_BQ = random_tokens(1, 4, 11, "tokens");
  expect_error<ShapeError>([&] { decoder->embed(token_BQ[0]); }, "token_BQ has the wrong shape");
  expect_error<ShapeError>([&] { decoder->embed(token_BQ.to(at::kInt)); },
                           "token_BQ has the wrong dtype");
}

TEST(DecoderTest, RefusesABlockThatItHasNot) {
  Decoder decoder(small_config());
  BlockContext context;
  for (const int64_t layer : {-1, 2}) {
    expect_error<InternalError>(
        [&] {
          decoder->block(layer, testing::random_tensor({1, 2, 6}, at::kDouble, "x"), context);
        },
        "a decoder has no such block: layer=" + std::to_string(layer));
  }
}

TEST(DecoderTest, TakesNoTokensAtAll) {
  Decoder decoder(small_config());
  const at::Tensor token_BQ = random_tokens(0, 4, 11, "tokens");
  EXPECT_EQ(logits_of(decoder, token_BQ).sizes(), at::IntArrayRef({0, 4, 11}));
}

}  // namespace
}  // namespace hecaton::models
