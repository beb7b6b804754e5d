// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

#include "core/grad_sink.h"

namespace hecaton::models::detail {

/// Rows of a table: out[..., d] = weight_VD[token[...], d].
///
/// token:       int64, any shape, each in [0, V).
/// sink:        where the gradient of weight_VD is added, if set.
/// Gradient:    to weight_VD.
/// Precision:   a token's rows are summed in float32 (float64 for float64 weights), and rounded
/// once
///              where there is no sink. ATen's own backward sums in the dtype of the weight: in
///              bfloat16 the sum of a frequent token stands still after some hundred rows.
/// Determinism: bitwise: rows are added in the order of tokens.
at::Tensor embedding(const at::Tensor& weight_VD, const at::Tensor& token, const GradSink& sink);

}  // namespace hecaton::models::detail
