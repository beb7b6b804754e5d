// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/switch_loss.h"

#include <algorithm>
#include <memory>

#include <ATen/TensorOperators.h>

#include "moe/registry.h"

namespace hecaton::moe {

at::Tensor SwitchLoss::share(const RoutingLossInput& input) const {
  const Routing& routing = input.routing;
  const auto E = static_cast<double>(input.num_tokens_E.size(0));
  const auto num_slots = static_cast<double>(input.num_tokens * routing.expert_idx_TK.size(1));
  const at::Tensor fraction_E =
      input.num_tokens_E.to(routing.prob_TE.scalar_type()) / std::max(num_slots, 1.0);
  return (fraction_E * routing.prob_TE.sum(0)).sum() * (E / input.divisor);
}

void register_switch_loss(Components& components) {
  components.losses.add("switch", [](OptionReader&) { return std::make_shared<SwitchLoss>(); });
}

}  // namespace hecaton::moe
