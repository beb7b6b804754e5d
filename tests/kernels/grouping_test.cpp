// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouping.h"

#include <cstdint>
#include <vector>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/kernels/device_under_test.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;

const auto kInt32 = at::TensorOptions().dtype(at::kInt);

Grouping group(const at::Tensor& expert_idx_TK, int64_t num_experts) {
  const Grouping grouping = group_by_expert(on_device(expert_idx_TK), num_experts);
  return {grouping.slot_of_row_R.cpu(), grouping.row_of_slot_TK.cpu(), grouping.num_rows_E.cpu()};
}

void expect_equal(const Grouping& actual, const Grouping& expected) {
  expect_bitwise_equal(actual.slot_of_row_R, expected.slot_of_row_R);
  expect_bitwise_equal(actual.row_of_slot_TK, expected.row_of_slot_TK);
  expect_bitwise_equal(actual.num_rows_E, expected.num_rows_E);
}

TEST(GroupingTest, SortsSlotsByExpertAndKeepsTheirOrder) {
  const at::Tensor expert_idx_TK = at::tensor({1, 0, -1, 1, 0, 1}, kInt32).view({3, 2});
  const Grouping expected{at::tensor({1, 4, 0, 3, 5}, kInt32),
                          at::tensor({2, 0, -1, 3, 1, 4}, kInt32).view({3, 2}),
                          at::tensor(std::vector<int64_t>{2, 3, 0})};
  expect_equal(group(expert_idx_TK, 3), expected);
  expect_equal(group_by_expert_ref(expert_idx_TK, 3), expected);
}

TEST(GroupingTest, EqualsTheReference) {
  for (const RoutingCase& routing : routing_cases()) {
    SCOPED_TRACE(routing.name);
    expect_equal(group(routing.expert_idx_TK, routing.num_experts),
                 group_by_expert_ref(routing.expert_idx_TK, routing.num_experts));
  }
}

TEST(GroupingTest, RowsAndSlotsAreInverse) {
  for (const RoutingCase& routing : routing_cases()) {
    SCOPED_TRACE(routing.name);
    const Grouping grouping = group(routing.expert_idx_TK, routing.num_experts);
    const int64_t R = grouping.slot_of_row_R.numel();
    EXPECT_EQ(R, routing.expert_idx_TK.ge(0).sum().item<int64_t>());
    EXPECT_EQ(R, grouping.num_rows_E.sum().item<int64_t>());
    const at::Tensor row_of_slot_S = grouping.row_of_slot_TK.view({-1});
    for (int64_t r = 0; r < R; ++r) {
      EXPECT_EQ(row_of_slot_S[grouping.slot_of_row_R[r].item<int64_t>()].item<int64_t>(), r);
    }
  }
}

TEST(GroupingTest, ReadsAStridedRouting) {
  const at::Tensor strided_TK = random_choices(2, 9, {-1, 0, 1, 2}).t();
  expect_equal(group(strided_TK, 3), group(strided_TK.contiguous(), 3));
}

TEST(GroupingTest, RefusesAnotherShapeOrDtype) {
  expect_error<ShapeError>([] { group(at::zeros({4}, kInt32), 2); },
                           "expert_idx_TK has the wrong shape: expected [*, *] found [4]");
  expect_error<ShapeError>(
      [] {
        group(at::zeros({4, 1}, at::kLong), 2);
      },
      "expert_idx_TK has the wrong dtype: expected Int found Long");
}

TEST(GroupingTest, RefusesAnExpertThatDoesNotExist) {
  const at::Tensor expert_idx_TK = at::tensor({0, 3}, kInt32).view({1, 2});
  expect_error<ShapeError>([&] { group(expert_idx_TK, 3); },
                           "expert_idx_TK must be below E: found 3 E=3");
}

TEST(GroupingTest, RefusesMoreSlotsThanAnInt32Counts) {
  const at::Tensor expanded_TK = at::zeros({1, 1}, kInt32).expand({1 << 16, 1 << 15});
  expect_error<ShapeError>([&] { group(expanded_TK, 1); },
                           "T*K must be below 2^31: T*K=2147483648");
}

}  // namespace
}  // namespace hecaton::kernels
