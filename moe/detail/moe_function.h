// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "moe/dispatcher.h"
#include "moe/experts.h"

namespace hecaton::moe::detail {

/// What one pass through the experts needs besides tensors that autograd sees.
struct ExpertPass {
  std::shared_ptr<Dispatcher> dispatcher;
  std::shared_ptr<Experts> experts;
  std::shared_ptr<const DispatchPlan> plan;
};

/// y_TD = sum over k of weight_TK * expert(x_TD), recorded as one autograd node when gradients are
/// wanted. x_TD: [T, D]; weight_TK: [T, K] float; weights: of the experts on this rank.
at::Tensor run_experts(const ExpertPass& pass,
                       const at::Tensor& x_TD,
                       const at::Tensor& weight_TK,
                       const ExpertWeights& weights);

}  // namespace hecaton::moe::detail
