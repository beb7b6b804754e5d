// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/config_faults.h"
#include "moe/routing.h"

namespace hecaton::moe {

/// A loss on the routing itself.
enum class RoutingLossType {
  kSwitch,  ///< load balance over the micro-batch
  kZ        ///< size of the logits
};

/// One loss and its coefficient.
struct RoutingLossConfig {
  RoutingLossType type = RoutingLossType::kSwitch;
  /// Multiplies the loss. Finite, at least 0. Default: Fedus et al. 2021, arXiv 2101.03961,
  /// section 2.2.
  double coef = 0.01;

  void collect_faults(ConfigFaults& faults) const;
};

/// This rank's share of a loss: summed over the ranks and the micro-batches of a step it is the
/// loss.
struct RoutingLossShares {
  at::Tensor total;  ///< scalar, differentiable: sum of coefficient times share; undefined: none
  double switch_loss = 0;  ///< share before the coefficient; 1 at perfect balance when summed
  double z_loss = 0;       ///< share before the coefficient
};

/// The losses of one layer and one micro-batch.
///
/// Formula:     with N tokens in the micro-batch over all ranks, M in the whole step, and c_E the
///              used slots per expert over all ranks,
///              switch: E * sum_e c_e / (N K) * sum_t prob_te / M
///              z:      sum_t logsumexp(logit_t)^2 / M
///              A step's loss is thus the token-weighted mean over its micro-batches, whatever the
///              number of ranks; the switch loss does depend on the cut into micro-batches.
/// Source:      Fedus et al. 2021, arXiv 2101.03961, equations 4 to 6, with counts over K slots
///              (Megatron's form: 1 at perfect balance for every K); Zoph et al. 2022, arXiv
///              2202.08906, equation 5.
///
/// routing:     before any capacity.
/// Gradient:    to prob_TE and logit_TE; none through the counts.
/// Precision:   dtype of prob_TE.
/// Parallel:    one sum through context.counts when a switch loss is configured or the step's
///              number of tokens is unknown, on every rank.
RoutingLossShares routing_losses(const std::vector<RoutingLossConfig>& configs,
                                 const RoutingContext& context,
                                 const Routing& routing);

/// Returns the numbers of y, in the same memory, and sends a gradient of 1 into `loss` whenever the
/// result gets a gradient: the loss takes part in training without touching any other number.
/// loss: scalar; undefined: returns y itself.
at::Tensor attach_loss(const at::Tensor& y, const at::Tensor& loss);

}  // namespace hecaton::moe
