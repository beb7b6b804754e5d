// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/routing.h"

#include <string>

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

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

at::Tensor recorded_choice(const Routing& replay, int64_t num_tokens) {
  const bool has_capacity = replay.chosen_idx_TK.defined();
  const at::Tensor& expert_idx_TK = has_capacity ? replay.chosen_idx_TK : replay.expert_idx_TK;
  check_shape("expert_idx_TK of the replay", expert_idx_TK, {num_tokens, -1});
  check_dtype("expert_idx_TK of the replay", expert_idx_TK, at::kInt);
  return expert_idx_TK;
}

Routing replayable(const Routing& routing) {
  if (routing.next_state.defined() && routing.next_state.is_floating_point()) {
    throw ConfigError(
        "training.activation_checkpointing: must be none with a router that hands a state to the "
        "next layer");
  }
  Routing replay = routing;
  replay.weight_TK.reset();
  replay.prob_TE.reset();
  replay.logit_TE.reset();
  return replay;
}

at::Tensor LocalCounts::exclusive_scan(const at::Tensor& counts_E) {
  return at::zeros_like(counts_E);
}

}  // namespace hecaton::moe
