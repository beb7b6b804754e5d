// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/topk.h"

#include <string>

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "core/shapes.h"
#include "kernels/detail/cpu_kernels.h"
#include "kernels/detail/device.h"
#include "kernels/detail/dtype_check.h"

namespace hecaton::kernels {

at::Tensor topk(const at::Tensor& score_TE, int64_t K) {
  check_shape("score_TE", score_TE, {-1, -1});
  detail::check_dtype_among("score_TE", score_TE, {at::kFloat, at::kDouble});
  detail::check_devices({{"score_TE", score_TE}});
  const int64_t T = score_TE.size(0);
  const int64_t E = score_TE.size(1);
  if (K < 1 || K > E) {
    throw ShapeError("K must be from 1 to E: K=" + std::to_string(K) + " E=" + std::to_string(E));
  }
  const at::Tensor rows_TE = score_TE.contiguous();
  at::Tensor idx_TK = at::empty({T, K}, score_TE.options().dtype(at::kInt));
  detail::run_on(
      score_TE.device(),
      [&] { detail::topk_cpu(rows_TE, K, idx_TK); },
      [&](auto stream) {
        detail::topk_cuda(detail::float_type(rows_TE.scalar_type()),
                          rows_TE.const_data_ptr(),
                          T,
                          E,
                          K,
                          idx_TK.data_ptr<int32_t>(),
                          stream);
      });
  return idx_TK;
}

}  // namespace hecaton::kernels
