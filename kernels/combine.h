// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// Brings rows back to their tokens: out[t] = sum over k of weight[t, k] * rows[row_of_slot[t, k]],
/// the sum in the order of k, unused slots (-1) left out. A token without any used slot gets zeros.
///
/// rows_RD:         [R, D] float32, float64, bfloat16 or float16, CPU or CUDA, not changed.
/// row_of_slot_TK:  [T, K] int32, in [0, R) or -1.
/// weight_TK:       [T, K] float32 (float64 for float64 rows), or undefined for weights of 1.
/// Returns:         [T, D], dtype of rows_RD.
/// Errors:          ShapeError for other shapes or dtypes, or more than one device.
/// Gradient:        none recorded; without weights it is the adjoint of permute_rows().
/// Precision:       sums in float32 (float64 for float64 rows), rounded once; CPUs with AVX512_BF16
///                  store 0 for bfloat16 results below 2^-126.
/// Determinism:     bitwise on each kind of CPU and of device, whatever the thread count.
/// Cost:            one read of R*D and one write of T*D elements.
at::Tensor combine_rows(const at::Tensor& rows_RD,
                        const at::Tensor& row_of_slot_TK,
                        const at::Tensor& weight_TK);

/// The specification, in float64.
at::Tensor combine_rows_ref(const at::Tensor& rows_RD,
                            const at::Tensor& row_of_slot_TK,
                            const at::Tensor& weight_TK);

/// Brings one number per row back to its slot: out[t, k] = value_R[row_of_slot[t, k]], 0 in unused
/// slots. value_R: [R] float32 or float64, CPU or CUDA. Bitwise deterministic.
at::Tensor slot_values(const at::Tensor& value_R, const at::Tensor& row_of_slot_TK);

/// The inverse: out[r] = value_TK at slot_of_row_R[r].
at::Tensor row_values(const at::Tensor& value_TK, const at::Tensor& slot_of_row_R);

}  // namespace hecaton::kernels
