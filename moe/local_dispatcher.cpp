// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/local_dispatcher.h"

#include <numeric>
#include <utility>
#include <vector>

#include "kernels/combine.h"

namespace hecaton::moe {
namespace {

struct LocalPlan final : DispatchPlan {
  std::vector<at::Tensor> token_of_row_R;  ///< per chunk: [R] int32, tokens counted in the chunk
};

}  // namespace

std::shared_ptr<const DispatchPlan> LocalDispatcher::plan(const Routing& routing,
                                                          int64_t num_chunks) {
  SortedChunks sorted = sort_chunks(routing, num_chunks);
  auto plan = std::make_shared<LocalPlan>();
  for (size_t c = 0; c < sorted.chunks.size(); ++c) {
    const at::Tensor& num_rows_E = sorted.num_rows_E[c];
    const int64_t* num_rows = num_rows_E.const_data_ptr<int64_t>();
    sorted.chunks[c].num_rows_L.assign(num_rows, num_rows + num_rows_E.numel());
  }
  const int64_t K = routing.expert_idx_TK.size(1);
  for (const DispatchChunk& chunk : sorted.chunks) {
    plan->token_of_row_R.push_back(chunk.slot_of_row_R.div(K, "floor"));
  }
  plan->chunks = std::move(sorted.chunks);
  plan->expert_id_L.resize(static_cast<size_t>(routing.num_tokens_E.size(0)));
  std::iota(plan->expert_id_L.begin(), plan->expert_id_L.end(), int64_t{0});
  return plan;
}

PendingRows LocalDispatcher::start_dispatch(const DispatchPlan& plan,
                                            int64_t chunk,
                                            const at::Tensor& x_TD,
                                            const at::Tensor& value_TK) {
  const auto c = static_cast<size_t>(chunk);
  const DispatchChunk& range = plan.chunks[c];
  const int64_t num_tokens = range.token_end - range.token_begin;
  Rows rows;
  rows.rows.source_TD = x_TD.narrow(0, range.token_begin, num_tokens);
  rows.rows.idx_R = static_cast<const LocalPlan&>(plan).token_of_row_R[c];
  if (value_TK.defined()) {
    rows.value_R =
        kernels::row_values(value_TK.narrow(0, range.token_begin, num_tokens), range.slot_of_row_R);
  }
  return PendingRows(rows);
}

PendingRows LocalDispatcher::start_combine(const DispatchPlan& /*plan*/,
                                           int64_t /*chunk*/,
                                           const at::Tensor& rows_RD,
                                           const at::Tensor& value_R) {
  return PendingRows(Rows{{rows_RD}, value_R});
}

}  // namespace hecaton::moe
