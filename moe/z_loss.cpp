// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/z_loss.h"

#include <memory>

#include <ATen/TensorOperators.h>
#include <ATen/ops/logsumexp.h>

#include "moe/registry.h"

namespace hecaton::moe {

at::Tensor ZLoss::share(const RoutingLossInput& input) const {
  return at::logsumexp(input.routing.logit_TE, -1).square().sum() / input.divisor;
}

void register_z_loss(Components& components) {
  components.losses.add("z", [](OptionReader&) { return std::make_shared<ZLoss>(); });
}

}  // namespace hecaton::moe
