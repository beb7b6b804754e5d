// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton::models::detail {

/// The sum over trained tokens of -log softmax(x weight^T)[target], in nats, without ever holding
/// the logits of more than 512 tokens: their gradients are made beside the loss, chunk by chunk.
///
/// Source:      Hsu et al. 2024, arXiv 2410.10989, section 3.2 (FusedLinearCrossEntropy).
/// x_TD:        [T, D], dtype of the model.
/// weight_VD:   [V, D], the same dtype.
/// target_T:    [T] int64 in [0, V), or kIgnoredTarget: neither counted nor trained.
/// Returns:     a scalar, float32, or float64 in a float64 model.
/// Gradient:    to x_TD and weight_VD, of those that ask for one; once, not twice.
/// Precision:   logits in the dtype of the model, all else in float32 (float64). The gradient of
///              bfloat16 weights is rounded once per chunk and once more at the end, that of x_TD
///              where it is made and where the gradient of the loss multiplies it.
/// Determinism: that of ATen's products.
at::Tensor linear_cross_entropy(const at::Tensor& x_TD,
                                const at::Tensor& weight_VD,
                                const at::Tensor& target_T);

}  // namespace hecaton::models::detail
