// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/same_bits.h"

#include <limits>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace hecaton::parallel {
namespace {

using detail::has_same_bits;

TEST(SameBitsTest, ComparesBitsAndNotValues) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    EXPECT_TRUE(has_same_bits(at::full({3}, kNan, dtype), at::full({3}, kNan, dtype)));
    EXPECT_FALSE(has_same_bits(at::full({3}, 0.0, dtype), at::full({3}, -0.0, dtype)));
    EXPECT_FALSE(has_same_bits(at::full({3}, 1.0, dtype), at::full({3}, 2.0, dtype)));
  }
}

TEST(SameBitsTest, ComparesSizesAndDtypes) {
  EXPECT_FALSE(has_same_bits(at::zeros({2, 3}), at::zeros({3, 2})));
  EXPECT_FALSE(has_same_bits(at::zeros({2}, at::kInt), at::zeros({2}, at::kFloat)));
  EXPECT_TRUE(has_same_bits(at::zeros({0, 3}), at::zeros({0, 3})));
  EXPECT_TRUE(has_same_bits(at::full({}, 1, at::kLong), at::full({}, 1, at::kLong)));
  EXPECT_TRUE(has_same_bits(at::full({2}, true, at::kBool), at::full({2}, true, at::kBool)));
  EXPECT_TRUE(has_same_bits(at::zeros({4, 2}).t(), at::zeros({2, 4})));  // other strides
}

}  // namespace
}  // namespace hecaton::parallel
