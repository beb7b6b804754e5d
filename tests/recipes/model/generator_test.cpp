// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/generator.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using models::Decoder;
using models::random_decoder;
using models::small_config;
using testing::expect_error;

constexpr int64_t kNoEnd = -1;
constexpr int64_t kAllIds = INT64_MAX;
const std::vector<int64_t> kPrompt = {3, 1, 4, 1, 5};

at::Tensor logits(const std::vector<double>& values) {
  return at::tensor(values, at::TensorOptions().dtype(at::kDouble));
}

std::vector<int64_t> continue_prompt(Decoder& decoder,
                                     const SamplingConfig& config,
                                     int64_t end_id = kNoEnd) {
  return generate(*decoder, kPrompt, end_id, kAllIds, config, {});
}

/// Share of each id among draws at evenly spaced uniform numbers.
std::vector<double> shares(const at::Tensor& logit_V, const SamplingConfig& config) {
  constexpr int kNumDraws = 20000;
  std::vector<double> share(static_cast<size_t>(logit_V.numel()));
  for (int i = 0; i < kNumDraws; ++i) {
    const double uniform = (i + 0.5) / kNumDraws;
    share[static_cast<size_t>(sample_token(logit_V, config, uniform))] += 1.0 / kNumDraws;
  }
  return share;
}

/// Evenly spaced draws miss a share by at most one draw at either end of an id's interval.
void expect_shares(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t id = 0; id < actual.size(); ++id) {
    EXPECT_NEAR(actual[id], expected[id], 1.01 / 20000) << "id " << id;
    EXPECT_EQ(actual[id] > 0.0, expected[id] > 0.0) << "id " << id;
  }
}

const std::vector<double> kProbability = {0.1, 0.4, 0.05, 0.25, 0.2};

at::Tensor probability_logits() {
  std::vector<double> values;
  for (const double probability : kProbability) {
    values.push_back(std::log(probability) + 3.0);  // a common shift changes nothing
  }
  return logits(values);
}

TEST(SampleTokenTest, DrawsAsOftenAsTheProbabilitySays) {
  expect_shares(shares(probability_logits(), {}), kProbability);
}

TEST(SampleTokenTest, TemperatureDividesTheLogits) {
  // Half the temperature squares the probabilities before they are normalised.
  std::vector<double> squared;
  for (const double probability : kProbability) {
    squared.push_back(probability * probability);
  }
  const double total = std::accumulate(squared.begin(), squared.end(), 0.0);
  for (double& share : squared) {
    share /= total;
  }
  expect_shares(shares(probability_logits(), {.temperature = 0.5}), squared);
}

TEST(SampleTokenTest, TopKKeepsTheLikeliest) {
  expect_shares(shares(probability_logits(), {.top_k = 2}), {0, 0.4 / 0.65, 0, 0.25 / 0.65, 0});
  expect_shares(shares(probability_logits(), {.top_k = 99}), kProbability);
}

TEST(SampleTokenTest, TopPKeepsTheSmallestSetThatReachesTheShare) {
  expect_shares(shares(probability_logits(), {.top_p = 0.5}), {0, 0.4 / 0.65, 0, 0.25 / 0.65, 0});
  expect_shares(shares(probability_logits(), {.top_p = 0.7}),
                {0, 0.4 / 0.85, 0, 0.25 / 0.85, 0.2 / 0.85});
  expect_shares(shares(probability_logits(), {.top_p = 1.0}), kProbability);
}

TEST(SampleTokenTest, TopPIsAShareOfWhatTopKLeft) {
  // Of 0.4, 0.25 and 0.2 the first reaches 0.4 / 0.85 = 0.47 alone.
  expect_shares(shares(probability_logits(), {.top_k = 3, .top_p = 0.45}), {0, 1, 0, 0, 0});
  expect_shares(shares(probability_logits(), {.top_k = 3, .top_p = 0.5}),
                {0, 0.4 / 0.65, 0, 0.25 / 0.65, 0});
}

TEST(SampleTokenTest, IsGreedyAtTemperatureZeroTopKOneAndTinyTopP) {
  for (const double uniform : {0.0, 0.5, std::nextafter(1.0, 0.0)}) {
    EXPECT_EQ(sample_token(probability_logits(), {.temperature = 0.0}, uniform), 1);
    EXPECT_EQ(sample_token(probability_logits(), {.temperature = 1e-300}, uniform), 1);
    EXPECT_EQ(sample_token(probability_logits(), {.top_k = 1}, uniform), 1);
    EXPECT_EQ(sample_token(probability_logits(), {.top_p = 1e-9}, uniform), 1);
  }
}

TEST(SampleTokenTest, EqualLogitsGoByTheLowerId) {
  const at::Tensor logit_V = logits({1.0, 2.0, 2.0, 2.0});
  EXPECT_EQ(sample_token(logit_V, {.temperature = 0.0}, 0.9), 1);
  expect_shares(shares(logit_V, {.top_k = 2}), {0, 0.5, 0.5, 0});
}

TEST(SampleTokenTest, TakesLargeLogitsAndFloat32) {
  EXPECT_EQ(sample_token(logits({1e300, -1e300}), {}, 0.999), 0);
  EXPECT_EQ(sample_token(logits({-5.0, 5.0}).to(at::kFloat), {.temperature = 0.0}, 0.0), 1);
}

TEST(GeneratorTest, GreedyTokensAreThoseOfFullPasses) {
  const at::NoGradGuard no_grad;
  Decoder decoder = random_decoder(small_config());
  const std::vector<int64_t> tokens =
      continue_prompt(decoder, {.max_new_tokens = 30, .temperature = 0.0});
  ASSERT_EQ(tokens.size(), 30U);
  std::vector<int64_t> sequence = kPrompt;
  for (const int64_t token : tokens) {
    const at::Tensor token_BQ =
        at::tensor(sequence, at::TensorOptions().dtype(at::kLong)).unsqueeze(0);
    const at::Tensor logit_BQV = models::logits_of(decoder, token_BQ);
    ASSERT_EQ(token, logit_BQV[0][-1].argmax().item<int64_t>()) << "at " << sequence.size();
    sequence.push_back(token);
  }
}

TEST(GeneratorTest, TheSeedDecides) {
  Decoder decoder = random_decoder(small_config(at::kFloat));
  const std::vector<int64_t> tokens = continue_prompt(decoder, {.max_new_tokens = 40, .seed = 1});
  EXPECT_EQ(continue_prompt(decoder, {.max_new_tokens = 40, .seed = 1}), tokens);
  EXPECT_NE(continue_prompt(decoder, {.max_new_tokens = 40, .seed = 2}), tokens);
}

TEST(GeneratorTest, ALongerRunStartsLikeAShorterOne) {
  Decoder decoder = random_decoder(small_config(at::kFloat));
  const std::vector<int64_t> tokens = continue_prompt(decoder, {.max_new_tokens = 20});
  const std::vector<int64_t> first = continue_prompt(decoder, {.max_new_tokens = 7});
  ASSERT_EQ(first.size(), 7U);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), tokens.begin()));
  EXPECT_TRUE(continue_prompt(decoder, {.max_new_tokens = 0}).empty());
}

TEST(GeneratorTest, StopsBeforeTheEnd) {
  Decoder decoder = random_decoder(small_config(at::kFloat));
  const SamplingConfig config{.max_new_tokens = 40};
  const std::vector<int64_t> endless = continue_prompt(decoder, config);
  const int64_t end_id = endless[10];
  const std::vector<int64_t> expected(endless.begin(),
                                      std::find(endless.begin(), endless.end(), end_id));
  EXPECT_EQ(continue_prompt(decoder, config, end_id), expected);
}

TEST(GeneratorTest, DrawsNoIdThatStandsForNoText) {
  Decoder decoder = random_decoder(small_config(at::kFloat));
  const SamplingConfig config{.max_new_tokens = 40};
  const std::vector<int64_t> all = continue_prompt(decoder, config);
  ASSERT_GE(*std::max_element(all.begin(), all.end()), 6);
  const std::vector<int64_t> tokens = generate(*decoder, kPrompt, kNoEnd, 6, config, {});
  EXPECT_EQ(tokens.size(), 40U);
  EXPECT_LE(*std::max_element(tokens.begin(), tokens.end()), 5);
}

TEST(GeneratorTest, HandsOutEachTokenAsItIsDrawn) {
  Decoder decoder = random_decoder(small_config(at::kFloat));
  std::vector<int64_t> seen;
  const std::vector<int64_t> tokens =
      generate(*decoder, kPrompt, kNoEnd, kAllIds, {.max_new_tokens = 9}, [&](int64_t token) {
        seen.push_back(token);
      });
  EXPECT_EQ(tokens.size(), 9U);
  EXPECT_EQ(seen, tokens);
}

TEST(GeneratorTest, RefusesAnEmptyPrompt) {
  Decoder decoder(small_config());
  expect_error<ConfigError>([&] { generate(*decoder, {}, kNoEnd, kAllIds, {}, {}); },
                            "prompt: must hold at least one token");
}

TEST(GeneratorTest, ListsEveryFaultOfItsConfig) {
  Decoder decoder(small_config());
  const SamplingConfig wrong{
      .max_new_tokens = -1, .temperature = -0.5, .top_k = 0, .top_p = 1.5, .seed = -1};
  for (const char* fault : {"max-new-tokens = -1: must be at least 0",
                            "temperature = -0.5: must be finite and at least 0",
                            "top-k = 0: must be at least 1",
                            "top-p = 1.5: must be in (0, 1]",
                            "seed = -1: must be at least 0"}) {
    expect_error<ConfigError>([&] { continue_prompt(decoder, wrong); }, fault);
  }
  expect_error<ConfigError>([] { SamplingConfig{.temperature = NAN}.validate(); }, "temperature");
  expect_error<ConfigError>([] { SamplingConfig{.top_p = 0.0}.validate(); }, "top-p = 0");
  expect_error<ConfigError>([] { SamplingConfig{.top_p = NAN}.validate(); }, "top-p = nan");
}

}  // namespace
}  // namespace hecaton::recipes
