// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/router_config.h"

#include <cmath>

namespace hecaton::moe {

void RouterConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(num_experts >= 1, "num_experts", num_experts, "must be at least 1");
  faults.require(num_experts_per_tok >= 1 && num_experts_per_tok <= num_experts,
                 "num_experts_per_tok",
                 num_experts_per_tok,
                 "must be from 1 to num_experts=" + std::to_string(num_experts));
  faults.require(num_experts_per_tok > 1 || !norm_topk_prob,
                 "norm_topk_prob",
                 norm_topk_prob,
                 "must be false when num_experts_per_tok is 1");
  const bool is_constant = num_experts_per_tok == 1 && score == RouterScore::kSoftmax;
  faults.require(!is_constant || !score_after_topk,
                 "score_after_topk",
                 score_after_topk,
                 "must be false when num_experts_per_tok is 1 and the score is softmax");
  faults.require(std::isfinite(scaling_factor) && scaling_factor > 0.0,
                 "scaling_factor",
                 scaling_factor,
                 "must be finite and above 0");
}

void RouterConfig::validate() const {
  ConfigFaults faults("router");
  collect_faults(faults);
  faults.throw_if_any();
}

}  // namespace hecaton::moe
