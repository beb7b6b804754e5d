// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouping.h"

#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

namespace hecaton::kernels {

Grouping group_by_expert_ref(const at::Tensor& expert_idx_TK, int64_t num_experts) {
  const int64_t S = expert_idx_TK.numel();
  const at::Tensor flat_S = expert_idx_TK.contiguous().view({S});
  std::vector<int32_t> slot_of_row;
  std::vector<int64_t> num_rows(static_cast<size_t>(num_experts));
  Grouping grouping;
  grouping.row_of_slot_TK =
      at::full(expert_idx_TK.sizes(), -1, at::TensorOptions().dtype(at::kInt));
  at::Tensor row_of_slot_S = grouping.row_of_slot_TK.view({S});
  for (int64_t e = 0; e < num_experts; ++e) {
    for (int64_t s = 0; s < S; ++s) {
      if (flat_S[s].item<int64_t>() == e) {
        row_of_slot_S[s] = static_cast<int64_t>(slot_of_row.size());
        slot_of_row.push_back(static_cast<int32_t>(s));
        ++num_rows[static_cast<size_t>(e)];
      }
    }
  }
  grouping.slot_of_row_R = at::tensor(slot_of_row, at::TensorOptions().dtype(at::kInt));
  grouping.num_rows_E = at::tensor(num_rows, at::TensorOptions().dtype(at::kLong));
  return grouping;
}

}  // namespace hecaton::kernels
