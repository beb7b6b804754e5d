// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/reduction.h"

#include <array>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

template <size_t kSize>
const std::byte* bytes_of(const std::array<float, kSize>& values) {
  return reinterpret_cast<const std::byte*>(values.data());
}

TEST(ReductionTest, AddsFromTheFirstRankToTheLast) {
  // 1 is lost beside 1e8, so only one order gives 1 and -1e8 cancels first in the other column.
  const std::array<float, 2> a = {1e8F, 1.0F};
  const std::array<float, 2> b = {-1e8F, 1e8F};
  const std::array<float, 2> c = {1.0F, -1e8F};
  std::array<float, 2> sum = {};
  reduce_in_order(at::kFloat,
                  ReduceOp::kSum,
                  {bytes_of(a), bytes_of(b), bytes_of(c)},
                  reinterpret_cast<std::byte*>(sum.data()),
                  2);
  EXPECT_EQ(sum[0], 1.0F);
  EXPECT_EQ(sum[1], 0.0F);
}

TEST(ReductionTest, MaximumAndMinimumHandNaNOn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::array<float, 3> a = {nan, 1.0F, 2.0F};
  const std::array<float, 3> b = {1.0F, nan, 3.0F};
  for (const ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin}) {
    std::array<float, 3> result = {};
    reduce_in_order(
        at::kFloat, op, {bytes_of(a), bytes_of(b)}, reinterpret_cast<std::byte*>(result.data()), 3);
    EXPECT_TRUE(std::isnan(result[0]));
    EXPECT_TRUE(std::isnan(result[1]));
    EXPECT_EQ(result[2], op == ReduceOp::kMax ? 3.0F : 2.0F);
  }
}

TEST(ReductionTest, TheOutputMayBeASource) {
  std::array<float, 2> a = {1.0F, 2.0F};
  const std::array<float, 2> b = {10.0F, 20.0F};
  reduce_in_order(at::kFloat,
                  ReduceOp::kSum,
                  {bytes_of(b), bytes_of(a)},
                  reinterpret_cast<std::byte*>(a.data()),
                  2);
  EXPECT_EQ(a, (std::array<float, 2>{11.0F, 22.0F}));
}

TEST(ReductionTest, RefusesOtherDtypes) {
  expect_throw<ShapeError>(
      [] { reduce_in_order(at::kComplexFloat, ReduceOp::kSum, {}, nullptr, 0); },
      "collectives do not carry the dtype ComplexFloat");
}

}  // namespace
}  // namespace hecaton::parallel
