// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton::models::detail {

/// y = x / sqrt(mean(x^2) + eps) * weight over the last dim, in one pass, and in one backward.
///
/// Source:      Zhang and Sennrich 2019, arXiv 1910.07467, equation 4.
/// x:           [..., D], the dtype of weight_D. Returns the same shape and dtype.
/// Errors:      ShapeError if the sizes or dtypes differ.
/// Gradient:    to x and weight_D; once, not twice. Saved: x alone.
/// Precision:   in float32 (float64), rounded once. On a GPU that of at::rms_norm.
/// Determinism: bitwise, for any number of threads; a row depends on that row alone.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double eps);

}  // namespace hecaton::models::detail
