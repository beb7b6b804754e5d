// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/combine.h"

#include <cstdint>
#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/shapes.h"
#include "kernels/grouping.h"
#include "kernels/permute.h"
#include "tests/kernels/device_under_test.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const auto kInt32 = at::TensorOptions().dtype(at::kInt);

at::Tensor combine(const at::Tensor& rows_RD,
                   const at::Tensor& row_of_slot_TK,
                   const at::Tensor& weight_TK) {
  return combine_rows(on_device(rows_RD), on_device(row_of_slot_TK), on_device(weight_TK)).cpu();
}

at::Tensor values_of_slots(const at::Tensor& value_R, const at::Tensor& row_of_slot_TK) {
  return slot_values(on_device(value_R), on_device(row_of_slot_TK)).cpu();
}

at::Tensor values_of_rows(const at::Tensor& value_TK, const at::Tensor& slot_of_row_R) {
  return row_values(on_device(value_TK), on_device(slot_of_row_R)).cpu();
}

/// Rows as experts would return them, with the weights of their slots.
struct Combination {
  Grouping grouping;
  at::Tensor rows_RD;
  at::Tensor weight_TK;
};

Combination random_combination(const RoutingCase& routing, int64_t D, at::ScalarType dtype) {
  Combination inputs;
  inputs.grouping = group_by_expert(routing.expert_idx_TK, routing.num_experts);
  inputs.rows_RD = random_tensor({inputs.grouping.slot_of_row_R.numel(), D}, dtype, "rows");
  inputs.weight_TK =
      random_tensor(routing.expert_idx_TK.sizes(), accumulation_dtype(dtype), "weight");
  return inputs;
}

TEST(CombineTest, MeetsTheReference) {
  for (const RoutingCase& routing : routing_cases()) {
    SCOPED_TRACE(routing.name);
    for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
      const Combination inputs = random_combination(routing, 9, dtype);
      const at::Tensor& row_of_slot_TK = inputs.grouping.row_of_slot_TK;
      // Up to 3 products and 3 sums round by half an epsilon each, of numbers that may cancel;
      // 16-bit rows are summed in float32 and rounded once, by at most half an epsilon.
      const double factor = dtype == at::kFloat || dtype == at::kDouble ? 4.0 : 0.51;
      for (const at::Tensor& weight_TK : {inputs.weight_TK, at::Tensor()}) {
        expect_close(combine(inputs.rows_RD, row_of_slot_TK, weight_TK),
                     combine_rows_ref(inputs.rows_RD, row_of_slot_TK, weight_TK),
                     factor);
      }
    }
  }
}

TEST(CombineTest, MeetsTheReferenceForEveryWidth) {
  const RoutingCase routing{"", 4, random_choices(6, 2, {-1, 0, 1, 2, 3})};
  for (const int64_t D : kSizes) {
    const Combination inputs = random_combination(routing, D, at::kFloat);
    const at::Tensor& row_of_slot_TK = inputs.grouping.row_of_slot_TK;
    expect_close(combine(inputs.rows_RD, row_of_slot_TK, inputs.weight_TK),
                 combine_rows_ref(inputs.rows_RD, row_of_slot_TK, inputs.weight_TK),
                 4.0);
  }
}

TEST(CombineTest, UndoesPermute) {
  for (const int64_t K : {1, 2, 4}) {  // powers of two: the weights 1/K and their sum are exact
    const at::Tensor x_TD = random_tensor({17, 6}, at::kFloat, "x");
    const Grouping grouping = group_by_expert(random_choices(17, K, {0, 2, 3}), 4);
    const at::Tensor rows_RD = permute_rows(x_TD, grouping.slot_of_row_R, K);
    const at::Tensor weight_TK = at::full({17, K}, 1.0F / static_cast<float>(K));
    expect_bitwise_equal(combine(rows_RD, grouping.row_of_slot_TK, weight_TK), x_TD);
  }
}

TEST(CombineTest, IsTheAdjointOfPermute) {
  for (const RoutingCase& routing : routing_cases()) {
    SCOPED_TRACE(routing.name);
    const Combination inputs = random_combination(routing, 9, at::kDouble);
    const int64_t T = routing.expert_idx_TK.size(0);
    const int64_t K = routing.expert_idx_TK.size(1);
    const at::Tensor x_TD = random_tensor({T, 9}, at::kDouble, "x");
    const at::Tensor permuted_RD = permute_rows(x_TD, inputs.grouping.slot_of_row_R, K);
    const at::Tensor combined_TD =
        combine(inputs.rows_RD, inputs.grouping.row_of_slot_TK, at::Tensor());
    // Sums of some 1000 products of size 1: about 1e-13 of rounding at worst.
    EXPECT_NEAR((permuted_RD * inputs.rows_RD).sum().item<double>(),
                (x_TD * combined_TD).sum().item<double>(),
                1e-11);
  }
}

TEST(CombineTest, NoWeightsMeanWeightsOfOne) {
  const RoutingCase routing{"", 4, random_choices(33, 3, {-1, 0, 1, 2, 3})};
  const Combination inputs = random_combination(routing, 9, at::kBFloat16);
  const at::Tensor& row_of_slot_TK = inputs.grouping.row_of_slot_TK;
  expect_bitwise_equal(combine(inputs.rows_RD, row_of_slot_TK, at::Tensor()),
                       combine(inputs.rows_RD, row_of_slot_TK, at::ones({33, 3})));
}

TEST(CombineTest, LeavesUnusedSlotsAndRowsUnread) {
  at::Tensor rows_RD = at::full({3, 2}, kNan, at::TensorOptions().dtype(at::kFloat));
  rows_RD[1].fill_(4.0);
  const at::Tensor row_of_slot_TK = at::tensor({-1, 1, -1, -1}, kInt32).view({2, 2});
  at::Tensor weight_TK = at::full({2, 2}, kNan, at::TensorOptions().dtype(at::kFloat));
  weight_TK[0][1].fill_(0.5);
  at::Tensor expected_TD = at::zeros({2, 2});
  expected_TD[0].fill_(2.0);
  expect_bitwise_equal(combine(rows_RD, row_of_slot_TK, weight_TK), expected_TD);
}

TEST(CombineTest, SumsInTheOrderOfSlots) {
  // 2^25 + 1 rounds to 2^25 in float32, so the order shows in the result.
  const at::Tensor rows_RD = at::tensor({0x1p25F, 1.0F, -0x1p25F}).view({3, 1});
  const at::Tensor row_of_slot_TK = at::tensor({0, 1, 2, 0, 2, 1}, kInt32).view({2, 3});
  expect_bitwise_equal(combine(rows_RD, row_of_slot_TK, at::Tensor()),
                       at::tensor({0.0F, 1.0F}).view({2, 1}));
}

TEST(CombineTest, ReadsStridedInputs) {
  const at::Tensor rows_RD = random_tensor({5, 8}, at::kFloat, "rows").t();
  const at::Tensor row_of_slot_TK = random_choices(3, 7, {-1, 0, 1, 6, 7}).t();
  const at::Tensor weight_TK = random_tensor({3, 7}, at::kFloat, "weight").t();
  expect_bitwise_equal(
      combine(rows_RD, row_of_slot_TK, weight_TK),
      combine(rows_RD.contiguous(), row_of_slot_TK.contiguous(), weight_TK.contiguous()));
  const at::Tensor expanded_RD = at::ones({1, 1}).expand({8, 5});
  const at::Tensor expanded_TK = at::ones({1, 1}).expand({7, 3});
  expect_bitwise_equal(combine(expanded_RD, row_of_slot_TK, expanded_TK),
                       combine(at::ones({8, 5}), row_of_slot_TK, at::ones({7, 3})));
}

TEST(CombineTest, GivesTheSameBitsForEveryThreadCount) {
  const RoutingCase routing{"", 4, random_choices(1025, 3, {-1, 0, 1, 2, 3})};
  const Combination inputs = random_combination(routing, 129, at::kFloat);
  testing::expect_same_bits_for_every_thread_count([&] {
    return std::vector<at::Tensor>{
        combine(inputs.rows_RD, inputs.grouping.row_of_slot_TK, inputs.weight_TK)};
  });
}

TEST(TrapsTest, Trap15CombineReadsBeyondTwoToTheThirtyOneElements) {
  // Only the row in use is ever touched, so the rest of the 4 GiB is never backed by memory.
  constexpr int64_t kRows = (1 << 20) + 2;
  at::Tensor rows_RD = at::empty({kRows, 1 << 11}, at::TensorOptions().dtype(at::kBFloat16));
  rows_RD[kRows - 1].fill_(7.0);
  const at::Tensor row_of_slot_TK = at::tensor({int{kRows} - 1}, kInt32).view({1, 1});
  expect_bitwise_equal(combine(rows_RD, row_of_slot_TK, at::Tensor())[0], rows_RD[kRows - 1]);
}

TEST(CombineTest, RefusesAnotherShapeOrDtype) {
  const at::Tensor rows_RD = at::zeros({3, 4});
  const at::Tensor row_of_slot_TK = at::zeros({2, 2}, kInt32);
  const at::Tensor weight_TK = at::ones({2, 2});
  expect_error<ShapeError>([&] { combine(at::zeros({3}), row_of_slot_TK, weight_TK); },
                           "rows_RD has the wrong shape: expected [*, *] found [3]");
  expect_error<ShapeError>([&] { combine(rows_RD, at::zeros({2}, kInt32), weight_TK); },
                           "row_of_slot_TK has the wrong shape: expected [*, *] found [2]");
  expect_error<ShapeError>(
      [&] {
        combine(rows_RD, at::zeros({2, 2}), weight_TK);
      },
      "row_of_slot_TK has the wrong dtype: expected Int found Float");
  expect_error<ShapeError>(
      [&] {
        combine(rows_RD, row_of_slot_TK, at::ones({2, 3}));
      },
      "weight_TK has the wrong shape: expected [2, 2] found [2, 3]");
  expect_error<ShapeError>([&] { combine(rows_RD, row_of_slot_TK, weight_TK.to(at::kDouble)); },
                           "weight_TK has the wrong dtype: expected Float found Double");
  expect_error<ShapeError>(
      [&] { combine(rows_RD.to(at::kInt), row_of_slot_TK, at::Tensor()); },
      "rows_RD has the wrong dtype: expected one of Float Double BFloat16 Half found Int");
}

TEST(CombineTest, SlotValuesAreThoseOfTheirRowsAndZeroElsewhere) {
  const at::Tensor row_of_slot_TK = at::tensor({2, -1, 0, 1}, kInt32).view({2, 2});
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const at::Tensor value_R = at::tensor({1.5, 2.5, 3.5}).to(dtype);
    const at::Tensor expected_TK = at::tensor({3.5, 0.0, 1.5, 2.5}).to(dtype).view({2, 2});
    expect_bitwise_equal(values_of_slots(value_R, row_of_slot_TK), expected_TK);
  }
}

TEST(CombineTest, RowValuesUndoSlotValues) {
  for (const RoutingCase& routing : routing_cases()) {
    SCOPED_TRACE(routing.name);
    const Grouping grouping = group_by_expert(routing.expert_idx_TK, routing.num_experts);
    const at::Tensor value_R = random_tensor(grouping.slot_of_row_R.sizes(), at::kFloat, "value");
    const at::Tensor value_TK = values_of_slots(value_R, grouping.row_of_slot_TK);
    expect_bitwise_equal(values_of_rows(value_TK, grouping.slot_of_row_R), value_R);
    EXPECT_EQ(value_TK.masked_select(routing.expert_idx_TK.lt(0)).abs().sum().item<double>(), 0.0);
  }
}

TEST(CombineTest, SlotAndRowValuesReadStridedInputs) {
  const at::Tensor strided_TK = at::tensor({2, -1, 0, 1}, kInt32).view({2, 2}).t();
  const at::Tensor strided_R = random_tensor({3, 2}, at::kFloat, "value").select(1, 1);
  expect_bitwise_equal(values_of_slots(strided_R, strided_TK),
                       values_of_slots(strided_R.contiguous(), strided_TK.contiguous()));
  const at::Tensor value_TK = random_tensor({3, 2}, at::kFloat, "value").t();
  const at::Tensor slot_of_row_R = at::tensor({5, 9, 0, 9, 3, 9}, kInt32).view({3, 2}).select(1, 0);
  expect_bitwise_equal(values_of_rows(value_TK, slot_of_row_R),
                       values_of_rows(value_TK.contiguous(), slot_of_row_R.contiguous()));
}

TEST(CombineTest, SlotAndRowValuesRefuseAnotherShapeOrDtype) {
  const at::Tensor idx_TK = at::zeros({2, 2}, kInt32);
  expect_error<ShapeError>(
      [&] {
        values_of_slots(at::zeros({3, 1}), idx_TK);
      },
      "value_R has the wrong shape: expected [*] found [3, 1]");
  expect_error<ShapeError>(
      [&] { values_of_slots(at::zeros({3}, at::kBFloat16), idx_TK); },
      "value_R has the wrong dtype: expected one of Float Double found BFloat16");
  expect_error<ShapeError>(
      [&] {
        values_of_slots(at::zeros({3}), at::zeros({2, 2}));
      },
      "row_of_slot_TK has the wrong dtype: expected Int found Float");
  expect_error<ShapeError>(
      [&] {
        values_of_rows(at::zeros({2, 2}), at::zeros({2}));
      },
      "slot_of_row_R has the wrong dtype: expected Int found Float");
  expect_error<ShapeError>(
      [&] {
        values_of_rows(at::zeros({2, 2}, at::kBFloat16), at::zeros({2}, kInt32));
      },
      "value_TK has the wrong dtype: expected one of Float Double found BFloat16");
}

}  // namespace
}  // namespace hecaton::kernels
