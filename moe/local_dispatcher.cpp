// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/local_dispatcher.h"

#include <numeric>
#include <utility>

namespace hecaton::moe {

std::shared_ptr<const DispatchPlan> LocalDispatcher::plan(const Routing& routing,
                                                          int64_t num_chunks) {
  SortedChunks sorted = sort_chunks(routing, num_chunks);
  auto plan = std::make_shared<DispatchPlan>();
  for (size_t c = 0; c < sorted.chunks.size(); ++c) {
    const at::Tensor& num_rows_E = sorted.num_rows_E[c];
    const int64_t* num_rows = num_rows_E.const_data_ptr<int64_t>();
    sorted.chunks[c].num_rows_L.assign(num_rows, num_rows + num_rows_E.numel());
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
  return PendingRows(leaving_rows(plan.chunks[static_cast<size_t>(chunk)], x_TD, value_TK));
}

PendingRows LocalDispatcher::start_combine(const DispatchPlan& /*plan*/,
                                           int64_t /*chunk*/,
                                           const at::Tensor& rows_RD,
                                           const at::Tensor& value_R) {
  return PendingRows(Rows{rows_RD, value_R});
}

}  // namespace hecaton::moe
