// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/dispatcher.h"

#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "moe/router.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

const at::TensorOptions kInts = at::TensorOptions().dtype(at::kInt);

/// Token 0 to experts 2 and 0, token 1 to 2 alone, token 2 to 1 and 2.
Routing small_routing() {
  Routing routing;
  routing.expert_idx_TK = at::tensor({2, 0, -1, 2, 1, 2}, kInts).view({3, 2});
  routing.num_tokens_E = count_tokens(routing.expert_idx_TK, 3);
  return routing;
}

TEST(DispatcherTest, ChunksCutTheTokensEvenlyAndCompletely) {
  for (const int64_t T : {0, 1, 7, 8, 9}) {
    for (const int64_t num_chunks : {1, 2, 3, 8, 20}) {
      EXPECT_EQ(chunk_begin(T, num_chunks, 0), 0);
      EXPECT_EQ(chunk_begin(T, num_chunks, num_chunks), T);
      for (int64_t c = 0; c < num_chunks; ++c) {
        const int64_t size = chunk_begin(T, num_chunks, c + 1) - chunk_begin(T, num_chunks, c);
        EXPECT_TRUE(size == T / num_chunks || size == (T + num_chunks - 1) / num_chunks)
            << "T=" << T << " num_chunks=" << num_chunks << " size=" << size;
      }
    }
  }
}

TEST(DispatcherTest, SortsTheSlotsOfEachChunkByExpert) {
  const SortedChunks one = sort_chunks(small_routing(), 1);
  expect_bitwise_equal(one.chunks[0].slot_of_row_R, at::tensor({1, 4, 0, 3, 5}, kInts));
  expect_bitwise_equal(one.chunks[0].row_of_slot_TK,
                       at::tensor({2, 0, -1, 3, 1, 4}, kInts).view({3, 2}));
  const SortedChunks two = sort_chunks(small_routing(), 2);
  EXPECT_EQ(two.chunks[1].token_begin, 1);
  EXPECT_EQ(two.chunks[1].token_end, 3);
  // Slots count from the chunk's first token.
  expect_bitwise_equal(two.chunks[1].slot_of_row_R, at::tensor({2, 1, 3}, kInts));
  expect_bitwise_equal(two.num_rows_E[1],
                       at::tensor({0, 1, 2}, at::TensorOptions().dtype(at::kLong)));
}

TEST(DispatcherTest, RowsAndTheirValuesLeaveInTheOrderOfExperts) {
  const SortedChunks sorted = sort_chunks(small_routing(), 2);
  const at::Tensor x_TD = random_tensor({3, 4}, at::kFloat, "x");
  const at::Tensor value_TK = at::arange(6.0).to(at::kFloat).view({3, 2});
  const Rows rows = leaving_rows(sorted.chunks[1], x_TD, value_TK);
  expect_bitwise_equal(rows.rows.source_TD, x_TD.index_select(0, at::tensor({2, 1, 2})));
  expect_bitwise_equal(rows.value_R, at::tensor({4.0, 3.0, 5.0}).to(at::kFloat));
  EXPECT_FALSE(leaving_rows(sorted.chunks[1], x_TD, {}).value_R.defined());
}

TEST(DispatcherTest, PendingRowsFinishOnce) {
  int num_finished = 0;
  PendingRows pending([&] {
    ++num_finished;
    return Rows{{random_tensor({2, 2}, at::kFloat, "rows")}};
  });
  PendingRows copy = pending;
  EXPECT_EQ(num_finished, 0);
  const Rows rows = copy.wait();
  EXPECT_TRUE(pending.wait().rows.source_TD.is_same(rows.rows.source_TD));
  EXPECT_EQ(num_finished, 1);
  EXPECT_TRUE(PendingRows(rows).wait().rows.source_TD.is_same(rows.rows.source_TD));
}

TEST(DispatcherTest, RefusesAPlanWithoutChunks) {
  expect_error<InternalError>([] { sort_chunks(small_routing(), 0); },
                              "a plan needs a chunk: num_chunks=0");
}

}  // namespace
}  // namespace hecaton::moe
