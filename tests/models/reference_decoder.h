// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "models/decoder.h"

namespace hecaton::models {

/// The decoder's definition in slow steps: matrix by matrix under its global name, token by token
/// and head by head, rotation as complex numbers, every expert run on its tokens alone. For SwiGLU,
/// softmax scores and normalised weights, without capacity.
///
/// token_Q: [Q] int64, one document. Returns [Q, V], dtype of the model (use float64).
at::Tensor reference_logits(Decoder& decoder, const at::Tensor& token_Q);

/// Rotates one head by the complex numbers exp(i * position * theta^(-2j/C)); pair j is elements
/// (j, j + C/2). head_C: [C] float64.
at::Tensor reference_rotate(const at::Tensor& head_C, int64_t position, double theta);

}  // namespace hecaton::models
