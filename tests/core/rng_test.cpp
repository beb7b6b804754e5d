// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/rng.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::test_seed;

using Words = std::array<uint32_t, 4>;

constexpr int64_t kNumSamples = 100'000;
// A sample mean of independent numbers lies within 5 of its standard deviations but for one seed in
// a million or so.
constexpr double kDeviations = 5.0;

/// Expects the mean of value(i) to be `mean`, where one value has the variance `variance`.
template <typename Value>
void expect_mean(const Value& value, double mean, double variance) {
  double sum = 0.0;
  for (int64_t i = 0; i < kNumSamples; ++i) {
    sum += value(static_cast<uint64_t>(i));
  }
  const double deviation = std::sqrt(variance / static_cast<double>(kNumSamples));
  EXPECT_NEAR(sum / static_cast<double>(kNumSamples), mean, kDeviations * deviation);
}

TEST(RngTest, PhiloxMeetsTheKnownAnswers) {
  // kat_vectors of Random123, the reference implementation.
  constexpr uint32_t kOnes = 0xFFFFFFFF;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RngTest, HashIsFnv1a) {
  // Test vectors of the authors of FNV.
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325U);
  EXPECT_EQ(hash_name("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(hash_name("foobar"), 0x85944171f73967e8U);
}

TEST(RngTest, UniformNumbersHaveTheMomentsOfTheirDistribution) {
  const CounterRng rng(test_seed(), "uniform");
  expect_mean([&](uint64_t i) { return rng.uniform(i); }, 0.5, 1.0 / 12.0);
  expect_mean([&](uint64_t i) { return std::pow(rng.uniform(i) - 0.5, 2); }, 1.0 / 12.0, 1.0 / 180);
  expect_mean([&](uint64_t i) { return (rng.uniform(i) - 0.5) * (rng.uniform(i + 1) - 0.5); },
              0.0,
              1.0 / 144.0);
}

TEST(RngTest, UniformNumbersAreMultiplesOfTheirStepBelowOne) {
  const CounterRng rng(test_seed(), "uniform range");
  for (uint64_t i = 0; i < kNumSamples; ++i) {
    const double value = rng.uniform(i);
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ASSERT_EQ(std::fmod(std::ldexp(value, 53), 1.0), 0.0);
  }
}

TEST(RngTest, NormalNumbersHaveTheMomentsOfTheirDistribution) {
  const CounterRng rng(test_seed(), "normal");
  const auto power = [&](int exponent) {
    return [&rng, exponent](uint64_t i) { return std::pow(rng.normal(i), exponent); };
  };
  // E[x^2] = 1, E[x^4] = 3, E[x^6] = 15, E[x^8] = 105.
  expect_mean(power(1), 0.0, 1.0);
  expect_mean(power(2), 1.0, 2.0);
  expect_mean(power(3), 0.0, 15.0);
  expect_mean(power(4), 3.0, 96.0);
  expect_mean([&](uint64_t i) { return rng.normal(i) * rng.normal(i + 1); }, 0.0, 1.0);
}

TEST(RngTest, SeedsAndStreamsAreUncorrelated) {
  const CounterRng rng(test_seed(), "a");
  const CounterRng other_stream(test_seed(), "b");
  const CounterRng other_seed(test_seed() + 1, "a");
  expect_mean([&](uint64_t i) { return rng.normal(i) * other_stream.normal(i); }, 0.0, 1.0);
  expect_mean([&](uint64_t i) { return rng.normal(i) * other_seed.normal(i); }, 0.0, 1.0);
}

TEST(RngTest, NumbersDoNotDependOnTheOrderOfReading) {
  const CounterRng rng(test_seed(), "order");
  std::vector<uint64_t> forward;
  std::vector<uint64_t> backward;
  for (uint64_t i = 0; i < 100; ++i) {
    forward.push_back(rng.bits(i));
    backward.push_back(rng.bits(99 - i));
  }
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(forward, backward);
}

TEST(RngTest, IndicesBeyondThirtyTwoBitsAreDistinct) {
  const CounterRng rng(test_seed(), "large");
  EXPECT_NE(rng.bits(5), rng.bits(5 + (uint64_t{1} << 32)));
}

TEST(RngTest, FillsAPartAsItFillsTheWhole) {
  const CounterRng rng(test_seed(), "weight");
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    const auto options = at::TensorOptions().dtype(dtype);
    const at::Tensor whole = at::empty({10, 10}, options);
    const at::Tensor part = at::empty({63}, options);
    fill_normal(whole, rng, 0.02);
    fill_normal(part, rng, 0.02, /*first_idx=*/37);
    expect_bitwise_equal(part, whole.view({-1}).narrow(0, 37, 63));
  }
}

TEST(RngTest, FillRoundsTheSameNumbersToEveryDtype) {
  const CounterRng rng(test_seed(), "weight");
  const at::Tensor exact = at::empty({1000}, at::TensorOptions().dtype(at::kDouble));
  fill_normal(exact, rng, 0.5);
  EXPECT_EQ(exact[3].item<double>(), 0.5 * rng.normal(3));
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor rounded = at::empty({1000}, at::TensorOptions().dtype(dtype));
    fill_normal(rounded, rng, 0.5);
    expect_bitwise_equal(rounded, exact.to(dtype));
  }
}

TEST(RngTest, FillRefusesATensorThatIsNotContiguous) {
  const at::Tensor transposed = at::zeros({2, 3}).t();
  expect_error<InternalError>([&] { fill_normal(transposed, CounterRng(1, "x"), 1.0); },
                              "fill_normal needs a contiguous CPU tensor");
}

TEST(RngTest, RandomSeedsFollowTheGeneratorOfLibTorch) {
  at::manual_seed(5);
  const uint64_t first = random_seed();
  EXPECT_NE(random_seed(), first);
  at::manual_seed(5);
  EXPECT_EQ(random_seed(), first);
}

TEST(RngTest, PermutationTakesEveryPlaceOnce) {
  const CounterRng rng(test_seed(), "shuffle");
  for (const int64_t size : {1, 2, 3, 31, 32, 33, 1000}) {
    std::set<int64_t> places;
    for (int64_t i = 0; i < size; ++i) {
      places.insert(permuted_idx(i, size, rng));
    }
    EXPECT_EQ(static_cast<int64_t>(places.size()), size);
    EXPECT_EQ(*places.begin(), 0);
    EXPECT_EQ(*places.rbegin(), size - 1);
  }
}

TEST(RngTest, PermutationDiffersBySeedAndFromTheIdentity) {
  const CounterRng rng(test_seed(), "shuffle");
  const CounterRng other(test_seed() + 1, "shuffle");
  int64_t num_equal = 0;
  int64_t num_fixed = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    num_equal += permuted_idx(i, 1000, rng) == permuted_idx(i, 1000, other) ? 1 : 0;
    num_fixed += permuted_idx(i, 1000, rng) == i ? 1 : 0;
  }
  // Both counts are nearly Poisson with mean 1; more than 12 has a chance below 1e-10.
  EXPECT_LE(num_equal, 12);
  EXPECT_LE(num_fixed, 12);
}

TEST(RngTest, PermutationReachesTheLargestSize) {
  constexpr int64_t kSize = std::numeric_limits<int64_t>::max();
  const CounterRng rng(test_seed(), "shuffle");
  std::set<int64_t> places;
  for (int64_t i = 0; i < 100; ++i) {
    places.insert(permuted_idx(i, kSize, rng));
  }
  EXPECT_EQ(places.size(), 100U);
  EXPECT_GE(*places.begin(), 0);
}

TEST(RngTest, PermutationRefusesAnIndexOutside) {
  const CounterRng rng(test_seed(), "shuffle");
  const std::string text = "index outside the permutation";
  expect_error<InternalError>([&] { permuted_idx(-1, 5, rng); }, text);
  expect_error<InternalError>([&] { permuted_idx(5, 5, rng); }, text);
  expect_error<InternalError>([&] { permuted_idx(0, 0, rng); }, text);
}

}  // namespace
}  // namespace hecaton
