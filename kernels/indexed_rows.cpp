// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/indexed_rows.h"

#include "core/check.h"
#include "core/shapes.h"
#include "kernels/permute.h"

namespace hecaton::kernels {

at::Tensor IndexedRows::gathered() const {
  return idx_R.defined() ? permute_rows(source_TD, idx_R) : source_TD;
}

void check_indexed_rows(const char* name, const IndexedRows& rows) {
  check_shape(name, rows.source_TD, {-1, -1});
  if (rows.idx_R.defined()) {
    check_shape("idx_R", rows.idx_R, {-1});
    check_dtype("idx_R", rows.idx_R, at::kInt);
    HECATON_DCHECK(rows.num_rows() == 0 || (rows.idx_R.min().item<int>() >= 0 &&
                                            rows.idx_R.max().item<int>() < rows.source_TD.size(0)),
                   "row index outside source_TD");
  }
}

}  // namespace hecaton::kernels
