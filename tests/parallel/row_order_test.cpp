// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/row_order.h"

#include <cstdint>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::parallel {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;

TEST(RowOrderTest, SortsByExpertThenRank) {
  // Ranks 0 and 1 send one row for each of two experts, rank 2 one for expert 0 alone.
  const at::Tensor num_rows_PL = at::tensor({1, 1, 1, 1, 1, 0}, at::kLong).view({3, 2});
  const detail::RowOrder order = detail::order_by_expert(num_rows_PL);
  expect_bitwise_equal(order.received_of_row_R, at::tensor({0, 2, 4, 1, 3}, at::kInt));
  expect_bitwise_equal(order.row_of_received_R, at::tensor({0, 3, 1, 4, 2}, at::kInt));
}

TEST(RowOrderTest, MayBeEmpty) {
  EXPECT_EQ(detail::order_by_expert(at::zeros({3, 2}, at::kLong)).received_of_row_R.numel(), 0);
}

TEST(RowOrderTest, RefusesMoreRowsThanIndicesReach) {
  at::Tensor num_rows_PL = at::zeros({2, 3}, at::kLong);
  num_rows_PL[0][1] = int64_t{1} << 30;
  num_rows_PL[1][2] = int64_t{1} << 30;
  expect_error<ShapeError>([&] { detail::order_by_expert(num_rows_PL); },
                           "must be below 2^31: found 2147483648");
}

}  // namespace
}  // namespace hecaton::parallel
