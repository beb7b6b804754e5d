// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "core/parameter.h"
#include "kernels/activation.h"

namespace hecaton::moe {

/// A dense feed-forward network: the shared expert of an MoE layer, and the feed-forward part of a
/// dense block. Ordinary autograd.
///
/// Formula: y = act(x up^T) down^T, with up = (gate, up) stacked for a gated activation
class FfnImpl final : public torch::nn::Module {
 public:
  /// hidden_size D and intermediate_size F: counts, at least 1. Initial values: normal, by
  /// a seed drawn from LibTorch's generator. Errors: ConfigError for sizes out of range.
  FfnImpl(int64_t hidden_size,
          int64_t intermediate_size,
          kernels::Activation activation,
          at::ScalarType dtype = at::kFloat);

  /// x_TD: [T, D], dtype of the weights. Returns [T, D]. Gradient: to x_TD and the weights; once,
  /// not twice.
  at::Tensor forward(const at::Tensor& x_TD);

  /// Names: <prefix>.{gate,up,down}_proj.weight.
  std::vector<Parameter> describe_parameters(const std::string& prefix);

 private:
  kernels::Activation activation_;
  at::Tensor up_GD_;    ///< [G, D], parameter "up"; gate rows first
  at::Tensor down_DF_;  ///< [D, F], parameter "down"
};
TORCH_MODULE(Ffn);

}  // namespace hecaton::moe
