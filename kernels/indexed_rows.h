// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// R rows of width D that need not be copied to stand one after the other: row r is
/// source_TD[idx_R[r]], or source_TD[r] where idx_R is undefined.
struct IndexedRows {
  at::Tensor source_TD;   ///< [T, D]: tokens, or rows that were received
  at::Tensor idx_R = {};  ///< [R] int32, each in [0, T); undefined: all rows of source_TD in order

  int64_t num_rows() const { return idx_R.defined() ? idx_R.size(0) : source_TD.size(0); }
  int64_t width() const { return source_TD.size(1); }
  /// The rows as a matrix of their own: [R, D], a copy where idx_R is defined.
  at::Tensor gathered() const;
};

/// Errors: ShapeError unless source_TD is a matrix and idx_R, if defined, a vector of int32.
///         Indices are checked in Debug builds only.
void check_indexed_rows(const char* name, const IndexedRows& rows);

}  // namespace hecaton::kernels
