// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// Positions of the K largest scores of each row, largest first. A tie goes to the lower position;
/// NaN counts as smaller than every number, so a NaN row still gets valid, distinct positions.
///
/// score_TE:    [T, E] float32 or float64, CPU or CUDA, not changed.
/// K:           count, 1 to E.
/// Returns:     [T, K] int32.
/// Errors:      ShapeError for another shape, dtype or device, or K outside its range.
/// Gradient:    none.
/// Determinism: bitwise, whatever the device and the thread count.
/// Cost:        T*E*K comparisons at worst; one pass over score_TE on the CPU, K on CUDA.
at::Tensor topk(const at::Tensor& score_TE, int64_t K);

/// The specification: a stable sort of each row.
at::Tensor topk_ref(const at::Tensor& score_TE, int64_t K);

}  // namespace hecaton::kernels
