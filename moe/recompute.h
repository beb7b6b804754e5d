// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hecaton::moe {

/// Computes y from x, for the first time or again.
using RepeatableForward = std::function<at::Tensor(const at::Tensor& x, bool is_again)>;

/// forward(x, false) without keeping anything for backward but x; backward calls forward(x, true),
/// records it and differentiates that. What forward decides or counts the first time it must itself
/// remember for the second, and both must compute the same: then every gradient has the bits of an
/// ordinary pass.
///
/// Source:      Chen et al. 2016, arXiv 1604.06174.
/// weights:     every tensor beside x that forward may send a gradient to.
/// forward:     kept until backward, and called again by each backward through the same graph.
/// Returns:     forward(x, false), recorded as one autograd node if x or a weight requires grad and
///              grad mode is on.
/// Gradient:    to x and weights, once, not twice; a weight whose gradient goes to a sink gets none
///              from here, as in an ordinary pass.
/// Parallel:    the collectives of forward, once more in backward, on every rank.
at::Tensor recompute(const RepeatableForward& forward,
                     const at::Tensor& x,
                     const std::vector<at::Tensor>& weights);

}  // namespace hecaton::moe
