// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/router.h"

#include <ATen/ops/zeros.h>

namespace hecaton::moe {

at::Tensor count_tokens(const at::Tensor& expert_idx_TK, int64_t num_experts) {
  at::Tensor num_tokens_E = at::zeros({num_experts}, at::TensorOptions().dtype(at::kLong));
  int64_t* num_tokens = num_tokens_E.data_ptr<int64_t>();
  const int32_t* expert_idx = expert_idx_TK.const_data_ptr<int32_t>();
  for (int64_t s = 0; s < expert_idx_TK.numel(); ++s) {
    if (expert_idx[s] >= 0) {
      ++num_tokens[expert_idx[s]];
    }
  }
  return num_tokens_E;
}

}  // namespace hecaton::moe
