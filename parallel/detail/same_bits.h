// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton::parallel::detail {

/// Whether two tensors have the same dtype, sizes and bits: a NaN equals the same NaN, and 0
/// differs from -0.
bool has_same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace hecaton::parallel::detail
