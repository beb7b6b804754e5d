// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/ffn.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/check.h"
#include "core/config_faults.h"
#include "core/rng.h"
#include "core/shapes.h"

namespace hecaton::moe {
namespace {

struct ActivationFunction : torch::autograd::Function<ActivationFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx,
                            const at::Tensor& z_TG,
                            kernels::Activation activation) {
    ctx->save_for_backward({z_TG});
    ctx->saved_data["activation"] = static_cast<int64_t>(activation);
    return kernels::activation_forward(z_TG, activation);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    HECATON_CHECK(!at::GradMode::is_enabled(),
                  "a feed-forward network can be differentiated once, not twice");
    const at::Tensor z_TG = ctx->get_saved_variables()[0];
    const at::Tensor score_T =
        at::ones({z_TG.size(0)}, at::TensorOptions().dtype(accumulation_dtype(z_TG.scalar_type())));
    const auto activation = static_cast<kernels::Activation>(ctx->saved_data["activation"].toInt());
    return {kernels::activation_backward(z_TG, grads[0], score_T, activation).dz_RG, {}};
  }
};

}  // namespace

FfnImpl::FfnImpl(int64_t hidden_size,
                 int64_t intermediate_size,
                 kernels::Activation activation,
                 at::ScalarType dtype)
    : activation_(activation) {
  ConfigFaults faults("ffn");
  faults.require(hidden_size >= 1, "hidden_size", hidden_size, "must be at least 1");
  faults.require(
      intermediate_size >= 1, "intermediate_size", intermediate_size, "must be at least 1");
  faults.throw_if_any();
  const auto options = at::TensorOptions().dtype(dtype);
  const int64_t G = kernels::projection_width(activation, intermediate_size);
  up_GD_ = register_parameter("up", at::zeros({G, hidden_size}, options));
  down_DF_ = register_parameter("down", at::zeros({hidden_size, intermediate_size}, options));
  initialize_parameters(describe_parameters("ffn"), random_seed());
}

at::Tensor FfnImpl::forward(const at::Tensor& x_TD) {
  return at::linear(ActivationFunction::apply(at::linear(x_TD, up_GD_), activation_), down_DF_);
}

std::vector<Parameter> FfnImpl::describe_parameters(const std::string& prefix) {
  const int64_t D = up_GD_.size(1);
  const int64_t F = down_DF_.size(1);
  Parameter up = whole_parameter(prefix + ".up", up_GD_, DecayClass::kDecay);
  up.slices.clear();
  if (kernels::is_gated(activation_)) {
    up.slices.push_back({prefix + ".gate_proj.weight", {F, D}, 0});
  }
  up.slices.push_back({prefix + ".up_proj.weight", {F, D}, up_GD_.numel() - F * D});
  Parameter down = whole_parameter(prefix + ".down_proj.weight", down_DF_, DecayClass::kDecay);
  up.is_hidden_matrix = true;
  down.is_hidden_matrix = true;
  return {up, down};
}

}  // namespace hecaton::moe
