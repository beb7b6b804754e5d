// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "moe/routing_loss.h"

namespace hecaton::moe {

/// Balances the load of the experts over the micro-batch. A recipe names it `switch`.
///
/// Formula:     E * sum_e c_e / (N K) * sum_t prob_te / M, with N tokens in the micro-batch over
/// all
///              ranks, M in the whole step, and c_e the used slots of expert e over all ranks: the
///              token-weighted mean over a step's micro-batches. It depends on the cut into
///              micro-batches, not on the number of ranks.
/// Source:      Fedus et al. 2021, arXiv 2101.03961, equations 4 to 6. Deviations: counts over K
///              slots (Megatron's form), so that it is 1 at perfect balance for every K; counts of
///              all ranks, as in Qiu et al. 2025, arXiv 2501.11873.
class SwitchLoss final : public RoutingLoss {
 public:
  bool reads_counts() const override { return true; }
  at::Tensor share(const RoutingLossInput& input) const override;
};

}  // namespace hecaton::moe
