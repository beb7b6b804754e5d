// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton {

/// Where the gradient of a parameter is accumulated instead of `.grad()`.
///
/// A module whose parameter has a sink adds the gradient to `grad` during backward and returns an
/// undefined tensor to autograd. Without one the parameter gets an ordinary `.grad()`, so that
/// torch::optim works in a loop of the user's own.
struct GradSink {
  /// Same shape as the parameter; float32, or float64 for a float64 parameter. Undefined: no sink.
  at::Tensor grad;

  bool is_set() const { return grad.defined(); }
};

}  // namespace hecaton
