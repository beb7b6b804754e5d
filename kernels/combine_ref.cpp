// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/combine.h"

#include <ATen/ops/zeros.h>

namespace hecaton::kernels {

at::Tensor combine_rows_ref(const at::Tensor& rows_RD,
                            const at::Tensor& row_of_slot_TK,
                            const at::Tensor& weight_TK) {
  const int64_t T = row_of_slot_TK.size(0);
  const int64_t K = row_of_slot_TK.size(1);
  const at::Tensor rows64_RD = rows_RD.to(at::kDouble);
  at::Tensor out_TD = at::zeros({T, rows_RD.size(1)}, at::TensorOptions().dtype(at::kDouble));
  for (int64_t t = 0; t < T; ++t) {
    for (int64_t k = 0; k < K; ++k) {
      const auto row = row_of_slot_TK[t][k].item<int64_t>();
      const double weight = weight_TK.defined() ? weight_TK[t][k].item<double>() : 1.0;
      if (row >= 0) {
        out_TD[t].add_(rows64_RD[row], weight);
      }
    }
  }
  return out_TD;
}

}  // namespace hecaton::kernels
