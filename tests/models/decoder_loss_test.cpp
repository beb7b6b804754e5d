// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/held_memory.h"
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

/// Gradients of all parameters by either way to the loss; the loss itself under "loss".
template <typename Loss>
std::map<std::string, at::Tensor> loss_and_grads(Decoder& decoder, const Loss& loss_of) {
  decoder->zero_grad();
  const at::Tensor loss = loss_of();
  (loss * 0.25).backward();
  std::map<std::string, at::Tensor> results = {{"loss", loss.detach()}};
  for (const auto& item : decoder->named_parameters()) {
    results[item.key()] = item.value().grad().clone();
  }
  return results;
}

TEST(DecoderLossTest, HeadAndLossInOneAreBothOfThem) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const bool is_tied : {false, true}) {
      SCOPED_TRACE(std::string(c10::toString(dtype)) + (is_tied ? " tied" : " untied"));
      DecoderConfig config = dense_config(dtype);
      config.tie_word_embeddings = is_tied;
      Decoder decoder = random_decoder(config);
      // More tokens than a chunk of the loss holds, with gaps at its ends.
      const at::Tensor token_BQ = random_tokens(2, 300, config.vocab_size, "tokens");
      at::Tensor target_BQ = random_tokens(2, 300, config.vocab_size, "targets");
      target_BQ[0][0] = kIgnoredTarget;
      target_BQ[1].narrow(0, 211, 3).fill_(kIgnoredTarget);
      const auto expected = loss_and_grads(
          decoder, [&] { return decoder->loss(logits_of(decoder, token_BQ), target_BQ); });
      const auto actual = loss_and_grads(decoder, [&] {
        BlockContext context;
        return decoder->head_loss(decoder->hidden(token_BQ, context), target_BQ);
      });
      for (const auto& [name, tensor] : expected) {
        SCOPED_TRACE(name);
        EXPECT_EQ(actual.at(name).scalar_type(), tensor.scalar_type());
        // Float32 and bfloat16 by the norm: single elements may cancel.
        const double difference =
            (actual.at(name).to(at::kDouble) - tensor.to(at::kDouble)).norm().item<double>();
        const double bound = dtype == at::kDouble ? 1e-13 : dtype == at::kFloat ? 2e-6 : 1e-2;
        EXPECT_LE(difference, bound * tensor.to(at::kDouble).norm().item<double>());
      }
    }
  }
}

TEST(DecoderLossTest, HeadAndLossInOneHoldNoLogits) {
  DecoderConfig config = dense_config(at::kFloat);
  config.vocab_size = 4096;
  Decoder decoder = random_decoder(config);
  const at::Tensor x_BQD = random_tensor({1, 4096, config.hidden_size}, at::kFloat, "x");
  const at::Tensor target_BQ = random_tokens(1, 4096, config.vocab_size, "targets");
  const HeldMemory memory;
  decoder->head_loss(x_BQD, target_BQ).backward();
  const int64_t logit_bytes = int64_t{4} * 4096 * config.vocab_size;
  EXPECT_LT(memory.peak_bytes(), logit_bytes / 2);
}

/// The summed loss of random tokens from random hidden values, and the gradients of these and of
/// the head, chunk by chunk or with whole logits.
std::vector<at::Tensor> head_loss_results(Decoder& decoder, int64_t num_tokens, bool is_chunked) {
  const at::Tensor x_BQD =
      random_tensor({1, num_tokens, decoder->config().hidden_size}, at::kDouble, "x")
          .requires_grad_();
  const at::Tensor target_BQ =
      random_tokens(1, num_tokens, decoder->config().vocab_size, "targets");
  const at::Tensor loss = is_chunked ? decoder->head_loss(x_BQD, target_BQ)
                                     : decoder->loss(decoder->head(x_BQD), target_BQ);
  const std::vector<at::Tensor> grads =
      torch::autograd::grad({loss}, {x_BQD, decoder->named_parameters()["head"]});
  return {loss.detach(), grads[0], grads[1]};
}

TEST(DecoderLossTest, HeadAndLossInOneTakeAnyNumberOfTokens) {
  Decoder decoder = random_decoder(dense_config());
  for (const int64_t num_tokens : {0, 1, 511, 512, 513, 1024}) {
    SCOPED_TRACE(num_tokens);
    const auto expected = head_loss_results(decoder, num_tokens, /*is_chunked=*/false);
    const auto actual = head_loss_results(decoder, num_tokens, /*is_chunked=*/true);
    for (size_t i = 0; i < expected.size(); ++i) {
      expect_close(actual[i], expected[i], 100.0);  // sums of up to 1024 terms in another order
    }
  }
}

TEST(DecoderLossTest, HeadAndLossInOneMatchTheNumericJacobian) {
  Decoder decoder = random_decoder(dense_config());
  const at::Tensor target_BQ = targets_with_gaps(decoder->config());
  const at::Tensor x_BQD =
      random_tensor({2, 3, decoder->config().hidden_size}, at::kDouble, "x").requires_grad_();
  expect_gradients(
      [&](const std::vector<at::Tensor>& inputs) {
        return decoder->head_loss(inputs[0], target_BQ);
      },
      {x_BQD, decoder->named_parameters()["head"]});
}

TEST(DecoderLossTest, HeadAndLossInOneAreZeroWhenNothingIsTrained) {
  Decoder decoder = random_decoder(dense_config());
  const at::Tensor token_BQ = random_tokens(2, 3, decoder->config().vocab_size, "tokens");
  BlockContext context;
  const at::Tensor x_BQD = decoder->hidden(token_BQ, context);
  const at::Tensor loss = decoder->head_loss(x_BQD, at::full_like(token_BQ, kIgnoredTarget));
  EXPECT_EQ(loss.item<double>(), 0.0);
  loss.backward();
  for (const auto& item : decoder->named_parameters()) {
    SCOPED_TRACE(item.key());
    ASSERT_TRUE(item.value().grad().defined());
    expect_close(item.value().grad(), at::zeros(item.value().sizes()), 0.0);
  }
}

TEST(DecoderLossTest, HeadAndLossInOneAreDifferentiatedOnce) {
  Decoder decoder = random_decoder(dense_config());
  const at::Tensor x_BQD =
      random_tensor({1, 3, decoder->config().hidden_size}, at::kDouble, "x").requires_grad_();
  const at::Tensor loss =
      decoder->head_loss(x_BQD, random_tokens(1, 3, decoder->config().vocab_size, "targets"));
  expect_error<InternalError>(
      [&] {
        torch::autograd::grad({loss}, {x_BQD}, {}, /*retain_graph=*/true, /*create_graph=*/true);
      },
      "differentiated once, not twice");
}

TEST(DecoderLossTest, AFrozenHeadGetsNoGradient) {
  Decoder decoder = random_decoder(dense_config());
  decoder->named_parameters()["head"].set_requires_grad(false);
  const at::Tensor token_BQ = random_tokens(2, 3, decoder->config().vocab_size, "tokens");
  const auto grads_by = [&](bool is_frozen) {
    decoder->zero_grad();
    decoder->named_parameters()["head"].set_requires_grad(!is_frozen);
    BlockContext context;
    decoder->head_loss(decoder->hidden(token_BQ, context), token_BQ).backward();
    return decoder->named_parameters()["embedding"].grad().clone();
  };
  const at::Tensor expected_VD = grads_by(false);
  decoder->named_parameters()["head"].mutable_grad().reset();
  testing::expect_bitwise_equal(grads_by(true), expected_VD);
  EXPECT_FALSE(decoder->named_parameters()["head"].grad().defined());
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

TEST(DecoderLossTest, HeadAndLossInOneRefuseWhatDoesNotFit) {
  Decoder decoder(dense_config());
  const int64_t D = decoder->config().hidden_size;
  const at::Tensor x_BQD = random_tensor({1, 3, D}, at::kDouble, "x");
  const at::Tensor target_BQ = random_tokens(1, 3, decoder->config().vocab_size, "targets");
  const auto refused = [&](const at::Tensor& x, const at::Tensor& targets, const char* text) {
    expect_error<ShapeError>([&] { decoder->head_loss(x, targets); }, text);
  };
  refused(x_BQD, target_BQ[0], "target_BQ has the wrong shape");
  refused(x_BQD, target_BQ.to(at::kInt), "target_BQ has the wrong dtype");
  refused(x_BQD, target_BQ + decoder->config().vocab_size, "target_BQ must be in [0, vocab_size=");
  refused(x_BQD.narrow(1, 0, 2), target_BQ, "x_BQD has the wrong shape");
  refused(x_BQD.narrow(2, 0, D - 1), target_BQ, "x_BQD has the wrong shape");
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
