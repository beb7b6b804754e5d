// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "tests/testing/tensor_compare.h"

namespace hecaton::testing {

using Tensors = std::vector<at::Tensor>;
using TensorFunction = std::function<at::Tensor(const Tensors& inputs)>;
/// The gradients of the inputs from the gradient of the output. An undefined one counts as zero.
using AdjointFunction = std::function<Tensors(const Tensors& inputs, const at::Tensor& grad)>;

/// d function / d element `idx` of `input`, which is one of its inputs: a central difference.
inline at::Tensor numeric_derivative(const TensorFunction& function,
                                     const Tensors& inputs,
                                     const at::Tensor& input,
                                     int64_t idx) {
  constexpr double kStep = 6e-6;  // cube root of epsilon: truncation and rounding in balance
  double& element = input.data_ptr<double>()[idx];
  const double value = element;
  element = value + kStep;
  const at::Tensor above = function(inputs).clone();
  element = value - kStep;
  const at::Tensor below = function(inputs).clone();
  element = value;
  return ((above - below) / (2.0 * kStep)).contiguous();
}

/// Compares the whole Jacobian that `adjoint` gives with the numeric one. Each input is a
/// contiguous float64 tensor, which is changed in place and set back, so the parameters of a module
/// that `function` calls may stand among the inputs. tolerance: times the larger of 1 and the
/// derivative.
inline void expect_adjoint(const TensorFunction& function,
                           const AdjointFunction& adjoint,
                           const Tensors& inputs,
                           double tolerance = 1e-7,
                           const char* file = __builtin_FILE(),
                           int line = __builtin_LINE()) {
  const at::NoGradGuard no_grad;
  const at::Tensor output = function(inputs).contiguous();
  std::vector<Tensors> grads_of_output;
  for (int64_t j = 0; j < output.numel(); ++j) {
    at::Tensor unit = at::zeros_like(output);
    unit.data_ptr<double>()[j] = 1.0;
    grads_of_output.push_back(adjoint(inputs, unit));
  }
  for (size_t k = 0; k < inputs.size(); ++k) {
    for (int64_t i = 0; i < inputs[k].numel(); ++i) {
      const at::Tensor numeric_Y = numeric_derivative(function, inputs, inputs[k], i);
      for (int64_t j = 0; j < output.numel(); ++j) {
        const at::Tensor& grad = grads_of_output[static_cast<size_t>(j)][k];
        const double actual = grad.defined() ? grad.reshape({-1})[i].item<double>() : 0.0;
        const double numeric = numeric_Y.const_data_ptr<double>()[j];
        if (!(std::abs(actual - numeric) <= tolerance * std::max(1.0, std::abs(numeric)))) {
          ADD_FAILURE_AT(file, line) << "d output" << coordinate_text(j, output.sizes())
                                     << " / d input " << k << coordinate_text(i, inputs[k].sizes())
                                     << ": actual " << actual << " numeric " << numeric;
          return;
        }
      }
    }
  }
}

/// The same for a function that autograd can differentiate. inputs: leaves.
inline void expect_gradients(const TensorFunction& function,
                             const Tensors& inputs,
                             double tolerance = 1e-7,
                             const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) {
  const auto backward = [&](const Tensors& leaves, const at::Tensor& grad) {
    const at::AutoGradMode record(true);
    for (const at::Tensor& leaf : leaves) {
      leaf.set_requires_grad(true);
      leaf.mutable_grad().reset();
    }
    function(leaves).backward(grad);
    Tensors grads;
    for (const at::Tensor& leaf : leaves) {
      grads.push_back(leaf.grad());
      leaf.mutable_grad().reset();
    }
    return grads;
  };
  expect_adjoint(function, backward, inputs, tolerance, file, line);
}

}  // namespace hecaton::testing
