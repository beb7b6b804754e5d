// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <map>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "moe/moe_layer.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::moe {

/// Tensors by name: the parameters of a layer, or the output "y" of a pass through it and the
/// gradients of its input "x" and of its parameters.
using NamedTensors = std::map<std::string, at::Tensor>;

/// Sizes are pairwise different, so that a mixed-up dim shows.
inline MoeLayerConfig small_config(at::ScalarType dtype = at::kDouble) {
  MoeLayerConfig config;
  config.hidden_size = 6;
  config.moe_intermediate_size = 5;
  config.router.num_experts = 4;
  config.router.num_experts_per_tok = 2;
  config.dtype = dtype;
  return config;
}

inline NamedTensors parameters_of(const torch::nn::Module& module) {
  NamedTensors parameters;
  for (const auto& item : module.named_parameters()) {
    parameters[item.key()] = item.value();
  }
  return parameters;
}

/// Normal numbers of standard deviation 0.5, which depend on the parameters' names alone: large
/// enough that every term of the layer counts.
inline void fill_randomly(torch::nn::Module& module) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters_of(module)) {
    parameter.copy_(testing::random_tensor(parameter.sizes(), parameter.scalar_type(), name) * 0.5);
  }
}

inline MoeLayer random_layer(const MoeLayerConfig& config) {
  MoeLayer layer(config);
  fill_randomly(*layer);
  return layer;
}

/// Takes the gradients out of the parameters; a parameter without one is left out.
inline NamedTensors take_grads(const NamedTensors& parameters) {
  NamedTensors grads;
  for (const auto& [name, parameter] : parameters) {
    if (parameter.grad().defined()) {
      grads[name] = parameter.grad().clone();
      parameter.mutable_grad().reset();
    }
  }
  return grads;
}

/// y = function(x), and the gradients of x and `parameters` under a random gradient of y.
inline NamedTensors run(const std::function<at::Tensor(const at::Tensor& x)>& function,
                        const at::Tensor& x,
                        const NamedTensors& parameters) {
  const at::Tensor leaf = x.detach().clone().requires_grad_();
  const at::Tensor y = function(leaf);
  y.backward(testing::random_tensor(y.sizes(), y.scalar_type(), "gradient of y"));
  NamedTensors result = take_grads(parameters);
  result["y"] = y.detach();
  result["x"] = leaf.grad();
  return result;
}

inline NamedTensors run_layer(MoeLayer& layer,
                              const at::Tensor& x,
                              const RoutingContext& context = {}) {
  return run([&](const at::Tensor& leaf) { return layer->forward(leaf, context); },
             x,
             parameters_of(*layer));
}

/// Compares every tensor of `expected`; see expect_close().
inline void expect_all_close(const NamedTensors& actual,
                             const NamedTensors& expected,
                             double factor,
                             const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) {
  EXPECT_EQ(actual.size(), expected.size()) << file << ":" << line;
  for (const auto& [name, tensor] : expected) {
    SCOPED_TRACE(name);
    testing::expect_close(actual.at(name), tensor, factor, file, line);
  }
}

inline void expect_all_bitwise_equal(const NamedTensors& actual,
                                     const NamedTensors& expected,
                                     const char* file = __builtin_FILE(),
                                     int line = __builtin_LINE()) {
  EXPECT_EQ(actual.size(), expected.size()) << file << ":" << line;
  for (const auto& [name, tensor] : expected) {
    SCOPED_TRACE(name);
    testing::expect_bitwise_equal(actual.at(name), tensor, file, line);
  }
}

/// A relative error of 1e-12 in float64, as a factor for expect_close().
constexpr double kDoubleFactor = 1e-12 / 2.220446049250313e-16;

}  // namespace hecaton::moe
