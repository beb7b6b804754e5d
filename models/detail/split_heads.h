// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace hecaton::models::detail {

/// How a joint projection becomes queries, keys and values.
struct HeadLayout {
  int64_t num_heads = 0;     ///< of queries
  int64_t num_kv_heads = 0;  ///< of keys, and of values
  int64_t head_dim = 0;      ///< C
  double norm_eps = 0.0;     ///< of the norms of q and k
  double rope_theta = 0.0;
};

/// Each [B, heads, Q, C].
struct Heads {
  at::Tensor query_BHQC;
  at::Tensor key_BHQC;
  at::Tensor value_BHQC;
};

/// Queries, keys and values of a joint projection: q and k normalised per head if they have
/// weights, and rotated by their positions, in one pass, and in one backward.
///
/// Source:        Su et al. 2021, arXiv 2104.09864, equation 34, in the half-split form of Hugging
///                Face; the norm: Yang et al. 2025, arXiv 2505.09388.
/// projected_BQN: [B, Q, (heads + 2 kv heads) * C]: the heads of q, then of k, then of v.
/// q_norm_C:      [C], or undefined for no norm; k_norm_C the same.
/// Errors:        ShapeError for other sizes or dtypes.
/// Gradient:      to all three; once, not twice. Saved: projected_BQN, if there are norms.
/// Precision:     angles in float64, all else in float32 (float64), rounded once. On a GPU, at each
///                step.
/// Determinism:   bitwise, for any number of threads.
Heads split_heads(const at::Tensor& projected_BQN,
                  const at::Tensor& q_norm_C,
                  const at::Tensor& k_norm_C,
                  const HeadLayout& layout,
                  int64_t first_position);

/// The specification of split_heads() in LibTorch's operations; what a GPU computes.
Heads split_heads_ref(const at::Tensor& projected_BQN,
                      const at::Tensor& q_norm_C,
                      const at::Tensor& k_norm_C,
                      const HeadLayout& layout,
                      int64_t first_position);

}  // namespace hecaton::models::detail
