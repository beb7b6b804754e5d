// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/config_faults.h"
#include "core/options.h"
#include "moe/routing.h"
#include "moe/routing_loss.h"

namespace hecaton::moe {

/// One loss and its coefficient.
struct RoutingLossConfig {
  std::string type = "switch";  ///< a registered name (registry.h)
  /// Multiplies the loss. Finite, at least 0. Default: Fedus et al. 2021, arXiv 2101.03961,
  /// section 2.2.
  double coef = 0.01;
  Options options{};  ///< of that loss alone

  void collect_faults(ConfigFaults& faults) const;
};

/// A loss that is ready for use.
struct WeightedRoutingLoss {
  std::string type;
  double coef = 0.0;
  std::shared_ptr<const RoutingLoss> loss;
};

/// This rank's share of the losses of one layer and one micro-batch: summed over the ranks and the
/// micro-batches of a step it is the loss.
struct RoutingLossShares {
  at::Tensor total;  ///< scalar, differentiable: sum of coefficient times share; undefined: none
  std::map<std::string, double> by_type;  ///< shares before their coefficients
  at::Tensor micro_batch_counts;          ///< as in Routing; undefined if no loss asked for them
};

/// The shares of all losses of a layer.
///
/// routing:     before any capacity.
/// Gradient:    to prob_TE, logit_TE and weight_TK; none through the counts.
/// Precision:   dtype of prob_TE.
/// Parallel:    one sum through context.counts when a loss reads counts or the step's number of
///              tokens is unknown, on every rank; none in a recomputation.
RoutingLossShares routing_losses(const std::vector<WeightedRoutingLoss>& losses,
                                 const RoutingContext& context,
                                 const Routing& routing);

/// Returns the numbers of y, in the same memory, and sends a gradient of 1 into `loss` whenever the
/// result gets a gradient: the loss takes part in training without touching any other number.
/// loss: scalar; undefined: returns y itself.
at::Tensor attach_loss(const at::Tensor& y, const at::Tensor& loss);

}  // namespace hecaton::moe
