// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton::parallel::detail {

/// Where the rows that arrive from several ranks stand among the experts of this one.
struct RowOrder {
  at::Tensor received_of_row_R;  ///< [R] int32: place on arrival of each row in the experts' order
  at::Tensor row_of_received_R;  ///< [R] int32: its inverse
};

/// Rows arrive sorted by rank, then expert; the experts want them by expert, then rank.
///
/// num_rows_PL: [P, L] int64, contiguous: rows from each rank for each local expert.
/// Errors:      ShapeError if they are 2^31 or more, before anything is allocated.
RowOrder order_by_expert(const at::Tensor& num_rows_PL);

}  // namespace hecaton::parallel::detail
