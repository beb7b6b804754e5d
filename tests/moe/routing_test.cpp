// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/routing.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;

const at::TensorOptions kLongs = at::TensorOptions().dtype(at::kLong);
const at::TensorOptions kInts = at::TensorOptions().dtype(at::kInt);

TEST(RoutingTest, CountsUsedSlotsPerExpert) {
  const at::Tensor expert_idx_TK = at::tensor({1, 3, -1, 1, -1, -1, 3, 1}, kInts).view({4, 2});
  expect_bitwise_equal(count_tokens(expert_idx_TK, 4), at::tensor({0, 3, 0, 2}, kLongs));
  expect_bitwise_equal(count_tokens(expert_idx_TK.t(), 4), at::tensor({0, 3, 0, 2}, kLongs));
  expect_bitwise_equal(count_tokens(at::empty({0, 2}, kInts), 3), at::zeros({3}, kLongs));
}

TEST(RoutingTest, RefusesToCountExpertsThatDoNotExist) {
  const at::Tensor expert_idx_TK = at::tensor({1, 4}, kInts).view({1, 2});
  expect_error<ShapeError>([&] { count_tokens(expert_idx_TK, 4); },
                           "expert_idx_TK must be below E: found 4 E=4");
  expect_error<ShapeError>([&] { count_tokens(expert_idx_TK.to(at::kLong), 8); },
                           "expert_idx_TK has the wrong dtype: expected Int found Long");
}

}  // namespace
}  // namespace hecaton::moe
