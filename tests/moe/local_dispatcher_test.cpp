// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/local_dispatcher.h"

#include <vector>

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "moe/router.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::random_tensor;

TEST(LocalDispatcherTest, HoldsEveryExpert) {
  const LocalDispatcher dispatcher;
  EXPECT_EQ(dispatcher.local_experts(7).first, 0);
  EXPECT_EQ(dispatcher.local_experts(7).count, 7);
}

TEST(LocalDispatcherTest, PlansTheRowsOfEachExpertAndChunk) {
  Routing routing;
  routing.expert_idx_TK =
      at::tensor({2, 0, -1, 2, 1, 2}, at::TensorOptions().dtype(at::kInt)).view({3, 2});
  routing.num_tokens_E = count_tokens(routing.expert_idx_TK, 3);
  LocalDispatcher dispatcher;
  const auto plan = dispatcher.plan(routing, 2);
  ASSERT_EQ(plan->chunks.size(), 2U);
  EXPECT_EQ(plan->chunks[0].num_rows_L, std::vector<int64_t>({1, 0, 1}));
  EXPECT_EQ(plan->chunks[1].num_rows_L, std::vector<int64_t>({0, 1, 2}));
  EXPECT_EQ(plan->expert_id_L, std::vector<int64_t>({0, 1, 2}));

  const at::Tensor x_TD = random_tensor({3, 4}, at::kFloat, "x");
  Rows rows = dispatcher.start_dispatch(*plan, 1, x_TD, {}).wait();
  expect_bitwise_equal(rows.rows.gathered(), x_TD.index_select(0, at::tensor({2, 1, 2})));
  const at::Tensor value_R = random_tensor({3}, at::kFloat, "value");
  const Rows back = dispatcher.start_combine(*plan, 1, rows.rows.gathered(), value_R).wait();
  expect_bitwise_equal(back.rows.source_TD, rows.rows.gathered());
  expect_bitwise_equal(back.value_R, value_R);
}

}  // namespace
}  // namespace hecaton::moe
