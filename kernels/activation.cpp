// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/activation.h"

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "core/shapes.h"
#include "kernels/detail/cpu_kernels.h"
#include "kernels/detail/device.h"
#include "kernels/detail/dtype_check.h"

namespace hecaton::kernels {
namespace {

int64_t checked_width(const at::Tensor& z_RG, Activation activation) {
  check_shape("z_RG", z_RG, {-1, -1});
  detail::check_dtype_among("z_RG", z_RG, {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf});
  const int64_t G = z_RG.size(1);
  if (is_gated(activation) && G % 2 != 0) {
    throw ShapeError("a gated activation needs an even width: G=" + std::to_string(G));
  }
  return is_gated(activation) ? G / 2 : G;
}

}  // namespace

std::string activation_name(Activation activation) {
  switch (activation) {
    case Activation::kSwiGlu:
      return "swiglu";
    case Activation::kGeGlu:
      return "geglu";
    case Activation::kGelu:
      return "gelu";
    case Activation::kSquaredRelu:
      return "relu2";
  }
  throw InternalError("unknown activation");
}

Activation activation_from_name(const std::string& name) {
  for (const Activation activation :
       {Activation::kSwiGlu, Activation::kGeGlu, Activation::kGelu, Activation::kSquaredRelu}) {
    if (activation_name(activation) == name) {
      return activation;
    }
  }
  throw ConfigError("unknown activation: expected swiglu, geglu, gelu or relu2, found " + name);
}

at::Tensor activation_forward(const at::Tensor& z_RG, Activation activation) {
  const int64_t F = checked_width(z_RG, activation);
  detail::check_devices({{"z_RG", z_RG}});
  const int64_t R = z_RG.size(0);
  const at::Tensor contiguous_RG = z_RG.contiguous();
  at::Tensor a_RF = at::empty({R, F}, z_RG.options());
  detail::run_on(
      z_RG.device(),
      [&] { detail::activation_forward_cpu(contiguous_RG, activation, a_RF); },
      [&](auto stream) {
        detail::activation_forward_cuda(
            detail::float_type(z_RG.scalar_type()),
            activation,
            {.z_RG = contiguous_RG.const_data_ptr(), .a_RF = a_RF.data_ptr(), .R = R, .F = F},
            stream);
      });
  return a_RF;
}

ActivationGrads activation_backward(const at::Tensor& z_RG,
                                    const at::Tensor& da_RF,
                                    const at::Tensor& score_R,
                                    Activation activation) {
  const int64_t F = checked_width(z_RG, activation);
  const int64_t R = z_RG.size(0);
  check_shape("da_RF", da_RF, {R, F});
  check_dtype("da_RF", da_RF, z_RG.scalar_type());
  check_shape("score_R", score_R, {R});
  check_dtype("score_R", score_R, accumulation_dtype(z_RG.scalar_type()));
  detail::check_devices({{"z_RG", z_RG}, {"da_RF", da_RF}, {"score_R", score_R}});
  const at::Tensor contiguous_RG = z_RG.contiguous();
  const at::Tensor contiguous_RF = da_RF.contiguous();
  const at::Tensor contiguous_R = score_R.contiguous();
  ActivationGrads grads{at::empty(z_RG.sizes(), z_RG.options()),
                        at::empty({R, F}, z_RG.options()),
                        at::empty({R}, score_R.options())};
  detail::run_on(
      z_RG.device(),
      [&] {
        detail::activation_backward_cpu(
            contiguous_RG, contiguous_RF, contiguous_R, activation, grads);
      },
      [&](auto stream) {
        detail::activation_backward_cuda(detail::float_type(z_RG.scalar_type()),
                                         activation,
                                         {.z_RG = contiguous_RG.const_data_ptr(),
                                          .da_RF = contiguous_RF.const_data_ptr(),
                                          .score_R = contiguous_R.const_data_ptr(),
                                          .dz_RG = grads.dz_RG.data_ptr(),
                                          .a_RF = grads.a_RF.data_ptr(),
                                          .dscore_R = grads.dscore_R.data_ptr(),
                                          .R = R,
                                          .F = F},
                                         stream);
      });
  return grads;
}

}  // namespace hecaton::kernels
