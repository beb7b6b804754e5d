// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include <ATen/core/Tensor.h>

#include "kernels/activation_kind.h"

namespace hecaton::kernels {

/// The name used in recipes and model files: swiglu, geglu, gelu, relu2.
std::string activation_name(Activation activation);
/// Errors: ConfigError for another name.
Activation activation_from_name(const std::string& name);

/// What one pass over the pre-activations gives backward.
struct ActivationGrads {
  at::Tensor dz_RG;     ///< gradient of z_RG
  at::Tensor a_RF;      ///< score_R * act(z), the input of the second projection's weight gradient
  at::Tensor dscore_R;  ///< gradient of score_R
};

/// a_RF = act(z_RG).
///
/// z_RG:        [R, G] float32, float64, bfloat16 or float16, CPU or CUDA, not changed.
/// Returns:     [R, F], same dtype.
/// Errors:      ShapeError for another shape, dtype or device.
/// Precision:   computed in float32 (float64 for float64), rounded once.
/// Determinism: bitwise on each kind of device; each row's bits depend on that row alone.
at::Tensor activation_forward(const at::Tensor& z_RG, Activation activation);

/// The adjoint of score_R * act(z_RG), where da_RF is the gradient of the second projection's input
/// before the score: dz = score * da * act'(z), dscore = <da, act(z)>, a = score * act(z). This is
/// what makes it needless to keep the experts' outputs: the gradient of a score is <dO W^T,
/// act(z)>.
///
/// da_RF:       [R, F], dtype of z_RG. score_R: [R] float32 (float64 for float64). On one device.
/// Source:      Guo et al. 2025, arXiv 2512.14080 (the identity for dscore).
/// Errors, Precision, Determinism: as activation_forward().
ActivationGrads activation_backward(const at::Tensor& z_RG,
                                    const at::Tensor& da_RF,
                                    const at::Tensor& score_R,
                                    Activation activation);

/// The specifications, in float64.
at::Tensor activation_forward_ref(const at::Tensor& z_RG, Activation activation);
ActivationGrads activation_backward_ref(const at::Tensor& z_RG,
                                        const at::Tensor& da_RF,
                                        const at::Tensor& score_R,
                                        Activation activation);

}  // namespace hecaton::kernels
