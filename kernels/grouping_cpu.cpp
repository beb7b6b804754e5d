// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <string>
#include <vector>

#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "core/workspace.h"
#include "kernels/detail/cpu_kernels.h"

namespace hecaton::kernels::detail {

Grouping group_by_expert_cpu(const at::Tensor& expert_idx_TK, int64_t num_experts) {
  const int64_t E = num_experts;
  const int64_t S = expert_idx_TK.numel();
  const int32_t* expert_of_slot = expert_idx_TK.const_data_ptr<int32_t>();

  Grouping grouping;
  grouping.num_rows_E = at::zeros({E}, at::TensorOptions().dtype(at::kLong));
  int64_t* num_rows = grouping.num_rows_E.data_ptr<int64_t>();
  for (int64_t s = 0; s < S; ++s) {
    const int32_t expert = expert_of_slot[s];
    if (expert >= E) {
      throw ShapeError("expert_idx_TK must be below E: found " + std::to_string(expert) +
                       " E=" + std::to_string(E));
    }
    if (expert >= 0) {
      ++num_rows[expert];
    }
  }
  std::vector<int32_t> next_row(static_cast<size_t>(E));
  int32_t R = 0;
  for (int64_t e = 0; e < E; ++e) {
    next_row[static_cast<size_t>(e)] = R;
    R += static_cast<int32_t>(num_rows[e]);
  }
  grouping.slot_of_row_R = workspace_empty({R}, at::kInt);
  grouping.row_of_slot_TK = workspace_empty(expert_idx_TK.sizes(), at::kInt);
  // The rows of an expert are written one after the other, but as many places at once as there are
  // experts: more than the hardware looks ahead at.
  constexpr int64_t kPrefetchedRows = 32;
  int32_t* slot_of_row = grouping.slot_of_row_R.data_ptr<int32_t>();
  int32_t* row_of_slot = grouping.row_of_slot_TK.data_ptr<int32_t>();
  for (int64_t s = 0; s < S; ++s) {
    const int32_t expert = expert_of_slot[s];
    row_of_slot[s] = expert < 0 ? -1 : next_row[static_cast<size_t>(expert)]++;
    if (expert >= 0) {
      int32_t* place = slot_of_row + row_of_slot[s];
      __builtin_prefetch(place + kPrefetchedRows, /*rw=*/1);
      *place = static_cast<int32_t>(s);
    }
  }
  return grouping;
}

}  // namespace hecaton::kernels::detail
