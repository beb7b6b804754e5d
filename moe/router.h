// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "core/parameter.h"
#include "moe/routing.h"

namespace hecaton::moe {

/// Decides which experts see which token. A router never talks to other ranks itself: what it needs
/// from them it asks of RoutingContext::counts.
class Router : public torch::nn::Module {
 public:
  /// x_TD:        [T, D], the model's dtype, CPU, contiguous, T >= 0, not changed. Real tokens
  ///              only: the layer takes padding out before.
  /// context:     with a replay, the experts are those of recorded_choice().
  /// Returns:     a Routing without capacity: num_tokens_E sums to the used slots.
  /// Gradient:    to x_TD and the router's parameters through weight_TK, prob_TE and logit_TE.
  /// Determinism: bitwise from run to run; equal scores give the lower expert.
  virtual Routing forward(const at::Tensor& x_TD, const RoutingContext& context) = 0;

  /// E, experts it chooses from.
  virtual int64_t num_experts() const = 0;
  /// K, the most experts a token may see.
  virtual int64_t num_experts_per_tok() const = 0;
  /// What it trains; prefix: the global name in front, for example "model.layers.0.mlp".
  virtual std::vector<Parameter> describe_parameters(const std::string& prefix) = 0;
};

}  // namespace hecaton::moe
