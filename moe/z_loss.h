// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "moe/routing_loss.h"

namespace hecaton::moe {

/// Keeps the router's logits small. A recipe names it `z`.
///
/// Formula:     sum_t logsumexp(logit_t)^2 / M, with M tokens in the whole step
/// Source:      Zoph et al. 2022, arXiv 2202.08906, equation 5. Deviations: divided by the
///              tokens of the step, not of the batch at hand.
class ZLoss final : public RoutingLoss {
 public:
  at::Tensor share(const RoutingLossInput& input) const override;
};

}  // namespace hecaton::moe
