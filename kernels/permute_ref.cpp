// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/permute.h"

#include <ATen/ops/empty.h>

namespace hecaton::kernels {

at::Tensor permute_rows_ref(const at::Tensor& source_TD, const at::Tensor& idx_R, int64_t divisor) {
  at::Tensor rows_RD = at::empty({idx_R.numel(), source_TD.size(1)}, source_TD.options());
  for (int64_t r = 0; r < idx_R.numel(); ++r) {
    rows_RD[r].copy_(source_TD[idx_R[r].item<int64_t>() / divisor]);
  }
  return rows_RD;
}

}  // namespace hecaton::kernels
