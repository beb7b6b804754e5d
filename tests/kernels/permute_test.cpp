// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/permute.h"

#include <cstdint>
#include <string>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/grouping.h"
#include "tests/kernels/device_under_test.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

const auto kInt32 = at::TensorOptions().dtype(at::kInt);

at::Tensor permute(const at::Tensor& source_TD, const at::Tensor& idx_R, int64_t divisor = 1) {
  return permute_rows(on_device(source_TD), on_device(idx_R), divisor).cpu();
}

TEST(PermuteTest, BringsEachTokenToItsExperts) {
  for (const RoutingCase& routing : routing_cases()) {
    SCOPED_TRACE(routing.name);
    const int64_t T = routing.expert_idx_TK.size(0);
    const int64_t K = routing.expert_idx_TK.size(1);
    const Grouping grouping = group_by_expert(routing.expert_idx_TK, routing.num_experts);
    const at::Tensor x_TD = random_tensor({T, 5}, at::kFloat, "x");
    expect_bitwise_equal(permute(x_TD, grouping.slot_of_row_R, K),
                         permute_rows_ref(x_TD, grouping.slot_of_row_R, K));
  }
}

TEST(PermuteTest, CopiesRowsOfEveryWidthAndDtype) {
  const at::Tensor idx_R = random_choices(20, 1, {0, 1, 2, 3, 4, 5}).view({20});
  for (const int64_t D : kSizes) {
    const at::Tensor x_TD = random_tensor({6, D}, at::kDouble, "x");
    for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf, at::kChar}) {
      const at::Tensor source_TD = x_TD.to(dtype);
      expect_bitwise_equal(permute(source_TD, idx_R), permute_rows_ref(source_TD, idx_R));
    }
  }
}

TEST(PermuteTest, LeavesRowsThatNoIndexNamesUnread) {
  at::Tensor x_TD = at::full({3, 4}, std::numeric_limits<float>::quiet_NaN());
  x_TD[1].fill_(2.0);
  expect_bitwise_equal(permute(x_TD, at::tensor({1, 1}, kInt32)), at::full({2, 4}, 2.0F));
}

TEST(PermuteTest, ReadsStridedInputs) {
  const at::Tensor strided_TD = random_tensor({4, 6}, at::kFloat, "x").t();
  const at::Tensor strided_R = random_choices(9, 2, {0, 1, 2, 3, 4, 5}).select(1, 0);
  expect_bitwise_equal(permute(strided_TD, strided_R), permute_rows_ref(strided_TD, strided_R));
  const at::Tensor expanded_TD = at::ones({1, 1}).expand({6, 4});
  expect_bitwise_equal(permute(expanded_TD, strided_R), at::ones({9, 4}));
}

TEST(PermuteTest, GivesTheSameBitsForEveryThreadCount) {
  const at::Tensor x_TD = random_tensor({100, 129}, at::kFloat, "x");
  const at::Tensor idx_R = random_choices(2049, 1, {0, 7, 41, 99}).view({2049});
  testing::expect_same_bits_for_every_thread_count(
      [&] { return std::vector<at::Tensor>{permute(x_TD, idx_R)}; });
}

TEST(TrapsTest, Trap15PermuteReadsBeyondTwoToTheThirtyOneElements) {
  // Only the rows in use are ever touched, so the rest of the 2 GiB is never backed by memory.
  constexpr int64_t kRows = (1 << 20) + 2;
  at::Tensor source_TD = at::empty({kRows, 1 << 11}, at::TensorOptions().dtype(at::kChar));
  source_TD[kRows - 1].fill_(7);
  source_TD[0].fill_(1);
  const at::Tensor rows_RD = permute(source_TD, at::tensor({int{kRows} - 1, 0}, kInt32));
  expect_bitwise_equal(rows_RD[0], source_TD[kRows - 1]);
  expect_bitwise_equal(rows_RD[1], source_TD[0]);
}

TEST(TrapsTest, Trap15PermuteWritesBeyondTwoToTheThirtyOneElements) {
  constexpr int64_t kRows = (1 << 20) + 2;
  at::Tensor source_TD = at::zeros({2, 1 << 11}, at::TensorOptions().dtype(at::kChar));
  source_TD[1].fill_(7);
  at::Tensor idx_R = at::zeros({kRows}, kInt32);
  idx_R[kRows - 1].fill_(1);
  const at::Tensor rows_RD = permute(source_TD, idx_R);
  expect_bitwise_equal(rows_RD[kRows - 1], source_TD[1]);
  expect_bitwise_equal(rows_RD[kRows - 2], source_TD[0]);
  expect_bitwise_equal(rows_RD[0], source_TD[0]);
}

TEST(PermuteTest, RefusesAnotherShapeOrDtype) {
  const at::Tensor x_TD = at::zeros({3, 4});
  const at::Tensor idx_R = at::zeros({2}, kInt32);
  expect_error<ShapeError>([&] { permute(at::zeros({3}), idx_R); },
                           "source_TD has the wrong shape: expected [*, *] found [3]");
  expect_error<ShapeError>(
      [&] {
        permute(x_TD, at::zeros({2, 1}, kInt32));
      },
      "idx_R has the wrong shape: expected [*] found [2, 1]");
  expect_error<ShapeError>([&] { permute(x_TD, at::zeros({2}, at::kLong)); },
                           "idx_R has the wrong dtype: expected Int found Long");
}

TEST(PermuteTest, RefusesADivisorOutsideItsRange) {
  for (const int64_t divisor : {int64_t{0}, int64_t{1} << 31}) {
    expect_error<ShapeError>(
        [&] {
          permute(at::zeros({3, 4}), at::zeros({2}, kInt32), divisor);
        },
        "divisor must be from 1 to 2^31-1: divisor=" + std::to_string(divisor));
  }
}

#if !defined(NDEBUG) || defined(HECATON_DCHECK_ENABLED)
TEST(PermuteTest, RefusesAnIndexOutsideInDebugBuilds) {
  const at::Tensor x_TD = at::zeros({3, 4});
  for (const int idx : {-1, 6}) {
    expect_error<InternalError>(
        [&] {
          permute(x_TD, at::tensor({0, idx}, kInt32), 2);
        },
        "row index outside source_TD");
  }
}
#endif

}  // namespace
}  // namespace hecaton::kernels
