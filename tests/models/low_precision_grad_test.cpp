// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Gradients of bfloat16 weights against a float64 model of the same weights, on so many tokens that
// a sum in bfloat16 would stand still.

#include <cstdint>
#include <map>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "core/flat_parameters.h"
#include "models/decoder.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::models {
namespace {

using testing::expect_close;

constexpr int64_t kNumRepeats = 4096;
constexpr int64_t kFrequentToken = 3;
// Two dozen results between embedding and loss, there and back, are rounded to bfloat16 by half an
// epsilon each. A sum that stands still is off by 100 epsilon.
constexpr double kFactor = 12.0;

/// Every second token is the frequent one.
at::Tensor repetitive_tokens() {
  at::Tensor token_BQ = random_tokens(64, 2 * kNumRepeats / 64, /*vocab_size=*/11, "tokens");
  for (int64_t q = 0; q < token_BQ.size(1); q += 2) {
    token_BQ.select(1, q).fill_(kFrequentToken);
  }
  return token_BQ;
}

void run_backward(Decoder& decoder) {
  const at::Tensor target_BQ = random_tokens(64, 2 * kNumRepeats / 64, 11, "targets");
  decoder->loss(logits_of(decoder, repetitive_tokens()), target_BQ).backward();
}

/// A float64 decoder of the same, rounded, weights.
Decoder in_double(Decoder& decoder) {
  DecoderConfig config = decoder->config();
  config.dtype = at::kDouble;
  Decoder exact(config);
  const auto weights = decoder->named_parameters();
  for (const auto& item : exact->named_parameters()) {
    item.value().data().copy_(weights[item.key()]);
  }
  return exact;
}

DecoderConfig config_of(bool is_tied) {
  DecoderConfig config = small_config(at::kBFloat16);
  config.tie_word_embeddings = is_tied;
  return config;
}

TEST(LowPrecisionGradTest, EveryGradientIsThatOfTheSameWeightsInDouble) {
  for (const bool is_tied : {false, true}) {
    Decoder decoder = random_decoder(config_of(is_tied));
    Decoder exact = in_double(decoder);
    run_backward(decoder);
    run_backward(exact);
    const auto expected = exact->named_parameters();
    for (const auto& item : decoder->named_parameters()) {
      SCOPED_TRACE(item.key() + (is_tied ? " tied" : ""));
      expect_close(item.value().grad().to(at::kBFloat16), expected[item.key()].grad(), kFactor);
    }
  }
}

TEST(LowPrecisionGradTest, SinksGetTheSame) {
  for (const bool is_tied : {false, true}) {
    Decoder decoder = random_decoder(config_of(is_tied));
    Decoder exact = in_double(decoder);
    FlatParameters flat(decoder->describe_parameters());
    decoder->set_grad_sinks([&](const at::Tensor& weight) { return flat.sink_of(weight); });
    run_backward(decoder);
    EXPECT_EQ(decoder->named_parameters()["embedding"].grad().defined(), is_tied);  // as the head
    flat.collect_grads();
    run_backward(exact);
    const auto expected = exact->named_parameters();
    for (const auto& item : decoder->named_parameters()) {
      SCOPED_TRACE(item.key() + (is_tied ? " tied" : ""));
      expect_close(
          flat.grad_of(item.value()).to(at::kBFloat16), expected[item.key()].grad(), kFactor);
    }
  }
}

TEST(LowPrecisionGradTest, AnEmbeddingIsSummedInFloatAndRoundedOnce) {
  Decoder decoder(config_of(/*is_tied=*/false));
  const at::Tensor weight_VD = decoder->named_parameters()["embedding"];
  const at::Tensor token_BQ = at::full({1, kNumRepeats}, kFrequentToken, at::kLong);
  const auto backward = [&] {
    const at::Tensor x_BQD = decoder->embed(token_BQ);
    x_BQD.backward(at::full(x_BQD.sizes(), 0.01, x_BQD.options()));
  };
  const double one = at::full({1}, 0.01, weight_VD.options()).item<double>();  // rounded
  const at::Tensor sum_D = at::full({weight_VD.size(1)}, kNumRepeats * one, at::kDouble);
  backward();
  expect_close(weight_VD.grad()[kFrequentToken], sum_D, 0.51);
  EXPECT_EQ(weight_VD.grad().abs().sum(1).gt(0.0).sum().item<int64_t>(), 1);

  weight_VD.mutable_grad().reset();
  const at::Tensor sink_VD = at::full(weight_VD.sizes(), 1.0, at::kFloat);
  decoder->set_grad_sinks([&](const at::Tensor& weight) {
    return GradSink(weight.is_same(weight_VD) ? sink_VD : at::Tensor());
  });
  backward();
  EXPECT_FALSE(weight_VD.grad().defined());
  expect_close(sink_VD[kFrequentToken], sum_D + 1.0, kNumRepeats / 2.0);
  EXPECT_EQ(sink_VD[kFrequentToken + 1].eq(1.0).all().item<bool>(), true);
}

}  // namespace
}  // namespace hecaton::models
