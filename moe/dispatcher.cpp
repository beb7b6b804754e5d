// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/dispatcher.h"

#include <utility>

#include "core/check.h"
#include "kernels/combine.h"
#include "kernels/grouping.h"
#include "kernels/permute.h"

namespace hecaton::moe {

struct PendingRows::State {
  std::function<Rows()> finish;
  Rows rows;
};

PendingRows::PendingRows(std::function<Rows()> finish)
    : state_(std::make_shared<State>(State{std::move(finish), {}})) {}

PendingRows::PendingRows(Rows rows)
    : state_(std::make_shared<State>(State{nullptr, std::move(rows)})) {}

Rows PendingRows::wait() {
  if (state_->finish) {
    state_->rows = state_->finish();
    state_->finish = nullptr;
  }
  return state_->rows;
}

SortedChunks sort_chunks(const Routing& routing, int64_t num_chunks) {
  HECATON_CHECK_GE(num_chunks, 1, "a plan needs a chunk");
  const int64_t T = routing.expert_idx_TK.size(0);
  const int64_t E = routing.num_tokens_E.size(0);
  SortedChunks sorted;
  for (int64_t c = 0; c < num_chunks; ++c) {
    DispatchChunk chunk;
    chunk.token_begin = chunk_begin(T, num_chunks, c);
    chunk.token_end = chunk_begin(T, num_chunks, c + 1);
    kernels::Grouping grouping = kernels::group_by_expert(
        routing.expert_idx_TK.narrow(0, chunk.token_begin, chunk.token_end - chunk.token_begin), E);
    chunk.slot_of_row_R = std::move(grouping.slot_of_row_R);
    chunk.row_of_slot_TK = std::move(grouping.row_of_slot_TK);
    sorted.chunks.push_back(std::move(chunk));
    sorted.num_rows_E.push_back(std::move(grouping.num_rows_E));
  }
  return sorted;
}

Rows leaving_rows(const DispatchChunk& chunk, const at::Tensor& x_TD, const at::Tensor& value_TK) {
  const int64_t num_tokens = chunk.token_end - chunk.token_begin;
  const int64_t K = chunk.row_of_slot_TK.size(1);
  Rows rows;
  rows.rows.source_TD = kernels::permute_rows(
      x_TD.narrow(0, chunk.token_begin, num_tokens), chunk.slot_of_row_R, /*divisor=*/K);
  if (value_TK.defined()) {
    rows.value_R =
        kernels::row_values(value_TK.narrow(0, chunk.token_begin, num_tokens), chunk.slot_of_row_R);
  }
  return rows;
}

}  // namespace hecaton::moe
