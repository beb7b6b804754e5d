// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>
#include <utility>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// Where the gradient of a parameter is accumulated instead of `.grad()`.
///
/// A module whose parameter has a sink adds the gradient to it during backward and returns an
/// undefined tensor to autograd. Without one the parameter gets an ordinary `.grad()`, so that
/// torch::optim works in a loop of the user's own.
///
/// Large gradients are not set to zero before they are summed: their sink is made blank, and the
/// first one is written over what stands there. Copies of a sink are one sink. Not thread-safe.
class GradSink {
 public:
  /// No sink.
  GradSink() = default;
  /// grad: same shape as the parameter; float32, or float64 for a float64 parameter. What stands
  /// in it counts. Undefined: no sink.
  explicit GradSink(at::Tensor grad)
      : grad_(std::move(grad)), is_blank_(std::make_shared<bool>(false)) {}

  bool is_set() const { return grad_.defined(); }
  /// The accumulator. Its numbers mean nothing while the sink is blank.
  const at::Tensor& grad() const { return grad_; }

  bool is_blank() const { return is_blank_ != nullptr && *is_blank_; }
  /// From now on what stands in the accumulator does not count. Only for a sink that is set.
  void make_blank() { *is_blank_ = true; }
  /// Whoever has written all of a blank accumulator says so. Only for a sink that is set.
  void set_written() { *is_blank_ = false; }

  /// The accumulator to add to: zeros if the sink was blank.
  const at::Tensor& sum() {
    if (is_blank()) {
      grad_.zero_();
      set_written();
    }
    return grad_;
  }

 private:
  at::Tensor grad_;
  std::shared_ptr<bool> is_blank_;
};

}  // namespace hecaton
