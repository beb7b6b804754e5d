// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/blend.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;

std::vector<size_t> first_sources(BlendOrder order, int64_t count) {
  std::vector<size_t> sources;
  for (int64_t sample = 0; sample < count; ++sample) {
    sources.push_back(order.at(sample).source);
  }
  return sources;
}

TEST(BlendTest, TakesTurnsAsMegatronDoes) {
  const std::vector<size_t> expected = {0, 1, 0, 2, 0, 0, 1, 0, 0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 0};
  EXPECT_EQ(first_sources(BlendOrder({.7, .2, .1}), 20), expected);
  EXPECT_EQ(first_sources(BlendOrder({7, 2, 1}), 20), expected);  // weights are relative
}

TEST(BlendTest, GivesTiesToTheFirst) {
  EXPECT_EQ(first_sources(BlendOrder({1, 1, 1}), 6), (std::vector<size_t>{0, 1, 2, 0, 1, 2}));
}

TEST(BlendTest, StaysWithinOneSampleOfEachShare) {
  const std::vector<double> weights = {.55, .3, .1, .05};
  BlendOrder order(weights);
  std::vector<double> taken(weights.size());
  for (int64_t num_samples = 1; num_samples <= 1000; ++num_samples) {
    ++taken[order.at(num_samples - 1).source];
    for (size_t source = 0; source < weights.size(); ++source) {
      const double share = weights[source] * static_cast<double>(num_samples);
      ASSERT_LE(std::abs(taken[source] - share), 1.0) << num_samples;
    }
  }
}

TEST(BlendTest, AnswersInAnyOrder) {
  BlendOrder forward({3, 1});
  BlendOrder jumping({3, 1});
  std::vector<BlendOrder::Draw> draws;
  for (int64_t sample = 0; sample < 50; ++sample) {
    draws.push_back(forward.at(sample));
  }
  for (const int64_t sample : {49, 3, 3, 20, 0}) {
    const BlendOrder::Draw draw = jumping.at(sample);
    EXPECT_EQ(draw.source, draws[static_cast<size_t>(sample)].source);
    EXPECT_EQ(draw.idx, draws[static_cast<size_t>(sample)].idx);
  }
  EXPECT_EQ(draws[4].idx, 3);  // 0 1 0 0 | 0: the source's samples 0, 1 and 2 came before
}

TEST(BlendTest, RefusesWeightsThatAreNone) {
  expect_error<InternalError>([] { BlendOrder({1.0, 0.0}); }, "weights are finite and above 0");
  expect_error<InternalError>([] { BlendOrder({1.0, HUGE_VAL}); }, "weights are finite");
  BlendOrder order({1.0});
  expect_error<InternalError>([&] { order.at(-1); }, "samples are counted from 0");
}

}  // namespace
}  // namespace hecaton::recipes
