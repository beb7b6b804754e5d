// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/decoder.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::models {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random_tensor;

/// [B, Q] with some targets ignored.
at::Tensor targets_with_gaps(const DecoderConfig& config) {
  at::Tensor target_BQ = random_tokens(2, 3, config.vocab_size, "targets");
  target_BQ[0][1] = kIgnoredTarget;
  return target_BQ;
}

TEST(DecoderLossTest, GradientsOfEveryParameterMatchTheNumericJacobian) {
  const int num_threads_before = at::get_num_threads();
  at::set_num_threads(1);  // thousands of tiny passes, in which threads only wait for each other
  for (const bool is_moe : {false, true}) {
    for (const bool is_tied : {false, true}) {
      SCOPED_TRACE(std::string(is_moe ? "moe " : "dense ") + (is_tied ? "tied" : "untied"));
      DecoderConfig config = is_moe ? small_config() : dense_config();
      config.tie_word_embeddings = is_tied;
      config.qk_norm = is_moe != is_tied;
      Decoder decoder = random_decoder(config);
      const at::Tensor token_BQ = random_tokens(2, 3, config.vocab_size, "tokens");
      const at::Tensor target_BQ = targets_with_gaps(config);
      expect_gradients(
          [&](const std::vector<at::Tensor>&) {
            return decoder->loss(logits_of(decoder, token_BQ), target_BQ);
          },
          decoder->parameters());
    }
  }
  at::set_num_threads(num_threads_before);
}

TEST(DecoderLossTest, SumsOverTrainedTokens) {
  const DecoderConfig config = small_config();
  Decoder decoder(config);
  const at::Tensor logit_BQV = random_tensor({2, 3, config.vocab_size}, at::kDouble, "logits");
  const at::Tensor target_BQ = targets_with_gaps(config);
  double expected = 0.0;
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t q = 0; q < 3; ++q) {
      const auto target = target_BQ[b][q].item<int64_t>();
      if (target == kIgnoredTarget) {
        continue;
      }
      double total = 0.0;
      for (int64_t v = 0; v < config.vocab_size; ++v) {
        total += std::exp(logit_BQV[b][q][v].item<double>());
      }
      expected += std::log(total) - logit_BQV[b][q][target].item<double>();
    }
  }
  const at::Tensor loss = decoder->loss(logit_BQV, target_BQ);
  EXPECT_EQ(loss.scalar_type(), at::kDouble);
  EXPECT_NEAR(loss.item<double>(), expected, 1e-13 * expected);
}

TEST(DecoderLossTest, IsZeroWithZeroGradientsWhenNothingIsTrained) {
  Decoder decoder = random_decoder(small_config());
  const at::Tensor token_BQ = random_tokens(2, 3, decoder->config().vocab_size, "tokens");
  const at::Tensor loss =
      decoder->loss(logits_of(decoder, token_BQ), at::full_like(token_BQ, kIgnoredTarget));
  EXPECT_EQ(loss.item<double>(), 0.0);
  loss.backward();
  for (const auto& item : decoder->named_parameters()) {
    SCOPED_TRACE(item.key());
    ASSERT_TRUE(item.value().grad().defined());
    expect_close(item.value().grad(), at::zeros(item.value().sizes()), 0.0);
  }
}

TEST(DecoderLossTest, TiedEmbeddingsGetTheGradientsOfBothUses) {
  DecoderConfig config = small_config();
  Decoder untied = random_decoder(config);
  config.tie_word_embeddings = true;
  Decoder tied = random_decoder(config);
  at::Tensor head = untied->named_parameters()["head"];
  head.data().copy_(untied->named_parameters()["embedding"]);
  const at::Tensor token_BQ = random_tokens(2, 3, config.vocab_size, "tokens");
  for (Decoder* decoder : {&untied, &tied}) {
    (*decoder)->loss(logits_of(*decoder, token_BQ), targets_with_gaps(config)).backward();
  }
  const at::Tensor embedding_grad = untied->named_parameters()["embedding"].grad();
  EXPECT_GT(embedding_grad.abs().max().item<double>(), 0.0);
  expect_close(
      tied->named_parameters()["embedding"].grad(), embedding_grad + head.grad(), kDoubleFactor);
}

TEST(DecoderLossTest, IsFloat32InLowPrecision) {
  Decoder decoder(small_config(at::kBFloat16));
  // Far beyond what bfloat16 could sum: 600 tokens of loss log(11).
  const at::Tensor logit_BQV = at::zeros({2, 300, 11}, at::TensorOptions().dtype(at::kBFloat16));
  const at::Tensor loss = decoder->loss(logit_BQV, random_tokens(2, 300, 11, "targets"));
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  EXPECT_NEAR(loss.item<double>(), 600 * std::log(11.0), 1e-2);
}

TEST(DecoderLossTest, RefusesWhatDoesNotFit) {
  Decoder decoder(small_config());
  const at::Tensor logit_BQV = random_tensor({1, 3, 11}, at::kDouble, "logits");
  const at::Tensor target_BQ = random_tokens(1, 3, 11, "targets");
  const auto loss = [&](const at::Tensor& logits, const at::Tensor& targets) {
    return [&decoder, logits, targets] { decoder->loss(logits, targets); };
  };
  expect_error<ShapeError>(loss(logit_BQV, target_BQ[0]), "target_BQ has the wrong shape");
  expect_error<ShapeError>(loss(logit_BQV, target_BQ.to(at::kInt)),
                           "target_BQ has the wrong dtype: expected Long found Int");
  expect_error<ShapeError>(loss(logit_BQV, target_BQ.narrow(1, 0, 2)),
                           "logit_BQV has the wrong shape: expected [1, 2, 11] found [1, 3, 11]");
  expect_error<ShapeError>(loss(logit_BQV.narrow(2, 0, 10), target_BQ),
                           "logit_BQV has the wrong shape");
  for (const int64_t target : {11, -1}) {
    at::Tensor wrong_BQ = target_BQ.clone();
    wrong_BQ[0][2] = target;
    expect_error<ShapeError>(
        loss(logit_BQV, wrong_BQ),
        "target_BQ must be in [0, vocab_size=11): found " + std::to_string(target));
  }
}

}  // namespace
}  // namespace hecaton::models
