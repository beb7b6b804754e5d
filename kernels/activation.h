// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// Activation of a feed-forward expert. A gated one reads a row z of width G = 2F as (gate, up):
///   kSwiGlu       silu(gate) * up              Shazeer 2020, arXiv 2002.05202
///   kGeGlu        gelu(gate) * up, exact erf   Shazeer 2020, arXiv 2002.05202
///   kGelu         gelu(z), exact erf           Hendrycks and Gimpel 2016, arXiv 1606.08415
///   kSquaredRelu  max(z, 0)^2                  So et al. 2021, arXiv 2109.08668
enum class Activation { kSwiGlu, kGeGlu, kGelu, kSquaredRelu };

/// The name used in recipes and model files: swiglu, geglu, gelu, relu2.
std::string activation_name(Activation activation);
/// Errors: ConfigError for another name.
Activation activation_from_name(const std::string& name);

inline bool is_gated(Activation activation) {
  return activation == Activation::kSwiGlu || activation == Activation::kGeGlu;
}

/// G, the width of the first projection for hidden width F.
inline int64_t projection_width(Activation activation, int64_t F) {
  return is_gated(activation) ? 2 * F : F;
}

/// What one pass over the pre-activations gives backward.
struct ActivationGrads {
  at::Tensor dz_RG;     ///< gradient of z_RG
  at::Tensor a_RF;      ///< score_R * act(z), the input of the second projection's weight gradient
  at::Tensor dscore_R;  ///< gradient of score_R
};

/// a_RF = act(z_RG).
///
/// z_RG:        [R, G] float32, float64, bfloat16 or float16, CPU, contiguous, not changed.
/// Returns:     [R, F], same dtype.
/// Errors:      ShapeError for another shape or dtype.
/// Precision:   computed in float32 (float64 for float64), rounded once.
/// Determinism: bitwise; each row's bits depend on that row alone.
at::Tensor activation_forward(const at::Tensor& z_RG, Activation activation);

/// The adjoint of score_R * act(z_RG), where da_RF is the gradient of the second projection's input
/// before the score: dz = score * da * act'(z), dscore = <da, act(z)>, a = score * act(z). This is
/// what makes it needless to keep the experts' outputs: the gradient of a score is <dO W^T,
/// act(z)>.
///
/// da_RF:       [R, F], dtype of z_RG. score_R: [R] float32 (float64 for float64).
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
