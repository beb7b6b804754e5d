// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/shapes.h"

#include <cstdint>
#include <limits>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

using testing::expect_error;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ShapesTest, AcceptsTheShapeAndAnySizeForMinusOne) {
  EXPECT_NO_THROW(check_shape("x_TD", at::zeros({3, 4}), {3, 4}));
  EXPECT_NO_THROW(check_shape("x_TD", at::zeros({0, 4}), {-1, 4}));
  EXPECT_NO_THROW(check_shape("loss", at::zeros({}), {}));
}

TEST(ShapesTest, NamesTensorExpectedAndFoundShape) {
  const at::Tensor x_TD = at::zeros({3, 4});
  expect_error<ShapeError>(
      [&] {
        check_shape("x_TD", x_TD, {-1, 5});
      },
      "x_TD has the wrong shape: expected [*, 5] found [3, 4]");
  expect_error<ShapeError>([&] { check_shape("x_TD", x_TD, {3}); },
                           "x_TD has the wrong shape: expected [3] found [3, 4]");
  expect_error<ShapeError>(
      [&] {
        check_shape("x_TD", x_TD, {3, 4, 1});
      },
      "x_TD has the wrong shape: expected [3, 4, 1] found [3, 4]");
  expect_error<ShapeError>([&] { check_shape("x_TD", at::Tensor(), {}); },
                           "x_TD has the wrong shape: expected [] found no tensor");
}

TEST(ShapesTest, NamesTensorExpectedAndFoundDtype) {
  const at::Tensor x_TD = at::zeros({1}, at::TensorOptions().dtype(at::kBFloat16));
  EXPECT_NO_THROW(check_dtype("x_TD", x_TD, at::kBFloat16));
  expect_error<ShapeError>([&] { check_dtype("x_TD", x_TD, at::kFloat); },
                           "x_TD has the wrong dtype: expected Float found BFloat16");
  expect_error<ShapeError>([] { check_dtype("x_TD", at::Tensor(), at::kFloat); },
                           "x_TD has the wrong dtype: expected Float found no tensor");
}

TEST(ShapesTest, MultipliesUpToTheLargestSize) {
  EXPECT_EQ(checked_mul(0, kMax), 0);
  EXPECT_EQ(checked_mul(kMax, 1), kMax);
  // 2^63 - 1 = 7 * 1317624576693539401.
  EXPECT_EQ(checked_mul(7, kMax / 7), kMax);
  EXPECT_EQ(checked_mul(int64_t{1} << 31, int64_t{1} << 31), int64_t{1} << 62);
}

TEST(ShapesTest, RefusesProductsBeyondTheLargestSize) {
  expect_error<ShapeError>([] { checked_mul(int64_t{1} << 31, int64_t{1} << 32); },
                           "size does not fit into 63 bits: 2147483648 * 4294967296");
  expect_error<ShapeError>([] { checked_mul(kMax, 2); },
                           "size does not fit into 63 bits: 9223372036854775807 * 2");
}

TEST(ShapesTest, RefusesNegativeFactors) {
  expect_error<ShapeError>([] { checked_mul(-1, 3); }, "-1 * 3");
  expect_error<ShapeError>([] { checked_mul(3, -1); }, "3 * -1");
  expect_error<ShapeError>([] { checked_mul(-2, -2); }, "-2 * -2");
}

TEST(ShapesTest, CountsElementsOfAnySizes) {
  EXPECT_EQ(num_elements({}), 1);
  EXPECT_EQ(num_elements({3, 0, 5}), 0);
  EXPECT_EQ(num_elements({3, 4, 5}), 60);
  expect_error<ShapeError>([] { num_elements({kMax, 2}); }, "does not fit into 63 bits");
}

TEST(ShapesTest, AccumulatesInFloatUnlessTheModelIsDouble) {
  EXPECT_EQ(accumulation_dtype(at::kDouble), at::kDouble);
  EXPECT_EQ(accumulation_dtype(at::kFloat), at::kFloat);
  EXPECT_EQ(accumulation_dtype(at::kBFloat16), at::kFloat);
  EXPECT_EQ(accumulation_dtype(at::kHalf), at::kFloat);
}

}  // namespace
}  // namespace hecaton
