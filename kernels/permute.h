// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// Copies rows into the order of experts: row r of the result is row idx_R[r] / divisor of
/// source_TD. With the slots of Grouping as indices and divisor K this brings each token to its
/// experts; with divisor 1 it is a plain gather.
///
/// source_TD:   [T, D], any dtype, CPU or CUDA, not changed.
/// idx_R:       [R] int32, idx_R[r] / divisor in [0, T), on the device of source_TD.
/// divisor:     1 to 2^31-1.
/// Returns:     [R, D], dtype of source_TD.
/// Errors:      ShapeError for other shapes, dtypes, devices or divisors; indices are checked in
///              Debug builds only, and on the CPU only.
/// Gradient:    none recorded; the adjoint is combine_rows() without weights.
/// Determinism: bitwise.
/// Cost:        one read and one write of R*D elements.
at::Tensor permute_rows(const at::Tensor& source_TD, const at::Tensor& idx_R, int64_t divisor = 1);

/// The specification.
at::Tensor permute_rows_ref(const at::Tensor& source_TD,
                            const at::Tensor& idx_R,
                            int64_t divisor = 1);

}  // namespace hecaton::kernels
