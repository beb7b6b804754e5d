// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// The used slots of a routing, sorted by expert.
struct Grouping {
  at::Tensor slot_of_row_R;   ///< [R] int32: the slot t*K + k that stands in row r
  at::Tensor row_of_slot_TK;  ///< [T, K] int32: the row of a slot, -1 if the slot is unused
  at::Tensor num_rows_E;      ///< [E] int64: rows per expert, which stand in the order of experts
};

/// Stable counting sort of slots by expert: rows of one expert stand in the order of tokens.
///
/// expert_idx_TK: [T, K] int32, each in [0, E) or -1 for an unused slot, CPU or CUDA.
/// num_experts:   E, at least 1.
/// Returns:       tensors on the device of expert_idx_TK.
/// Errors:        ShapeError for another shape, dtype or device, an index of E or more, or T*K >=
///                2^31.
/// Determinism:   bitwise.
/// Cost:          O(T*K + E): two passes over the slots. On CUDA the host waits once, because R
///                is a size.
Grouping group_by_expert(const at::Tensor& expert_idx_TK, int64_t num_experts);

/// The specification: one walk over all slots per expert.
Grouping group_by_expert_ref(const at::Tensor& expert_idx_TK, int64_t num_experts);

}  // namespace hecaton::kernels
