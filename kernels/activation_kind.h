// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

namespace hecaton::kernels {

/// Activation of a feed-forward expert. A gated one reads a row z of width G = 2F as (gate, up):
///   kSwiGlu       silu(gate) * up              Shazeer 2020, arXiv 2002.05202
///   kGeGlu        gelu(gate) * up, exact erf   Shazeer 2020, arXiv 2002.05202
///   kGelu         gelu(z), exact erf           Hendrycks and Gimpel 2016, arXiv 1606.08415
///   kSquaredRelu  max(z, 0)^2                  So et al. 2021, arXiv 2109.08668
enum class Activation { kSwiGlu, kGeGlu, kGelu, kSquaredRelu };

inline constexpr bool is_gated(Activation activation) {
  return activation == Activation::kSwiGlu || activation == Activation::kGeGlu;
}

/// G, the width of the first projection for hidden width F.
inline constexpr int64_t projection_width(Activation activation, int64_t F) {
  return is_gated(activation) ? 2 * F : F;
}

}  // namespace hecaton::kernels
