// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/routing.h"

#include <ATen/ops/zeros_like.h>

#include "core/error.h"
#include "core/shapes.h"

namespace hecaton::moe {

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
