// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/activation.h"

#include <cmath>
#include <numbers>

#include <ATen/TensorOperators.h>
#include <ATen/ops/erf.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>

namespace hecaton::kernels {
namespace {

/// The curve of the activation and its derivative, applied to the gate (or to z itself).
struct Curve {
  at::Tensor value;
  at::Tensor slope;
};

Curve curve_of(const at::Tensor& z, Activation activation) {
  if (activation == Activation::kSwiGlu) {
    const at::Tensor sigmoid = at::sigmoid(z);
    return {z * sigmoid, sigmoid * (1 + z * (1 - sigmoid))};
  }
  if (activation == Activation::kSquaredRelu) {
    const at::Tensor positive = at::relu(z);
    return {positive * positive, 2 * positive};
  }
  const at::Tensor cdf = 0.5 * (1 + at::erf(z / std::numbers::sqrt2));
  const at::Tensor density = at::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  return {z * cdf, cdf + z * density};
}

}  // namespace

at::Tensor activation_forward_ref(const at::Tensor& z_RG, Activation activation) {
  const at::Tensor z64_RG = z_RG.to(at::kDouble);
  if (!is_gated(activation)) {
    return curve_of(z64_RG, activation).value;
  }
  const int64_t F = z_RG.size(1) / 2;
  return curve_of(z64_RG.narrow(1, 0, F), activation).value * z64_RG.narrow(1, F, F);
}

ActivationGrads activation_backward_ref(const at::Tensor& z_RG,
                                        const at::Tensor& da_RF,
                                        const at::Tensor& score_R,
                                        Activation activation) {
  const at::Tensor z64_RG = z_RG.to(at::kDouble);
  const at::Tensor da64_RF = da_RF.to(at::kDouble);
  const at::Tensor score_R1 = score_R.to(at::kDouble).unsqueeze(1);
  const at::Tensor a64_RF = activation_forward_ref(z_RG, activation);
  ActivationGrads grads;
  grads.dscore_R = (da64_RF * a64_RF).sum(1);
  grads.a_RF = score_R1 * a64_RF;
  if (!is_gated(activation)) {
    grads.dz_RG = score_R1 * da64_RF * curve_of(z64_RG, activation).slope;
    return grads;
  }
  const int64_t F = da_RF.size(1);
  const Curve curve = curve_of(z64_RG.narrow(1, 0, F), activation);
  grads.dz_RG = z64_RG.new_empty(z_RG.sizes());
  grads.dz_RG.narrow(1, 0, F).copy_(score_R1 * da64_RF * curve.slope * z64_RG.narrow(1, F, F));
  grads.dz_RG.narrow(1, F, F).copy_(score_R1 * da64_RF * curve.value);
  return grads;
}

}  // namespace hecaton::kernels
