// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/topk.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <ATen/ops/empty.h>

namespace hecaton::kernels {

at::Tensor topk_ref(const at::Tensor& score_TE, int64_t K) {
  const at::Tensor score64_TE = score_TE.to(at::kDouble).contiguous();
  const int64_t T = score_TE.size(0);
  const int64_t E = score_TE.size(1);
  at::Tensor idx_TK = at::empty({T, K}, at::TensorOptions().dtype(at::kInt));
  for (int64_t t = 0; t < T; ++t) {
    const double* row_E = score64_TE.data_ptr<double>() + t * E;
    const auto is_ahead = [&](int32_t a, int32_t b) {
      return row_E[a] > row_E[b] || (std::isnan(row_E[b]) && !std::isnan(row_E[a]));
    };
    std::vector<int32_t> order_E(static_cast<size_t>(E));
    std::iota(order_E.begin(), order_E.end(), 0);
    std::stable_sort(order_E.begin(), order_E.end(), is_ahead);
    std::copy_n(order_E.begin(), K, idx_TK.data_ptr<int32_t>() + t * K);
  }
  return idx_TK;
}

}  // namespace hecaton::kernels
