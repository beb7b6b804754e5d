// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/router.h"

#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "core/shapes.h"

namespace hecaton::moe {

at::Tensor count_tokens(const at::Tensor& expert_idx_TK, int64_t num_experts) {
  check_dtype("expert_idx_TK", expert_idx_TK, at::kInt);
  const at::Tensor contiguous_TK = expert_idx_TK.contiguous();
  at::Tensor num_tokens_E = at::zeros({num_experts}, at::TensorOptions().dtype(at::kLong));
  int64_t* num_tokens = num_tokens_E.data_ptr<int64_t>();
  const int32_t* expert_idx = contiguous_TK.const_data_ptr<int32_t>();
  for (int64_t s = 0; s < expert_idx_TK.numel(); ++s) {
    if (expert_idx[s] >= num_experts) {
      throw ShapeError("expert_idx_TK must be below E: found " + std::to_string(expert_idx[s]) +
                       " E=" + std::to_string(num_experts));
    }
    if (expert_idx[s] >= 0) {
      ++num_tokens[expert_idx[s]];
    }
  }
  return num_tokens_E;
}

}  // namespace hecaton::moe
