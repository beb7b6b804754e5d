// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/permute.h"

#include <limits>
#include <string>

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "core/shapes.h"
#include "core/workspace.h"
#include "kernels/detail/cpu_kernels.h"
#include "kernels/detail/device.h"

namespace hecaton::kernels {

at::Tensor permute_rows(const at::Tensor& source_TD, const at::Tensor& idx_R, int64_t divisor) {
  check_shape("source_TD", source_TD, {-1, -1});
  check_shape("idx_R", idx_R, {-1});
  check_dtype("idx_R", idx_R, at::kInt);
  detail::check_devices({{"source_TD", source_TD}, {"idx_R", idx_R}});
  if (divisor < 1 || divisor > std::numeric_limits<int32_t>::max()) {
    throw ShapeError("divisor must be from 1 to 2^31-1: divisor=" + std::to_string(divisor));
  }
  const at::Tensor contiguous_TD = source_TD.contiguous();
  const at::Tensor contiguous_R = idx_R.contiguous();
  const int64_t R = idx_R.size(0);
  at::Tensor rows_RD = source_TD.is_cpu()
                           ? workspace_empty({R, source_TD.size(1)}, source_TD.scalar_type())
                           : at::empty({R, source_TD.size(1)}, source_TD.options());
  detail::run_on(
      source_TD.device(),
      [&] { detail::permute_rows_cpu(contiguous_TD, contiguous_R, divisor, rows_RD); },
      [&](auto stream) {
        detail::permute_rows_cuda(
            {.source_TD = contiguous_TD.const_data_ptr(),
             .idx_R = contiguous_R.const_data_ptr<int32_t>(),
             .rows_RD = rows_RD.data_ptr(),
             .R = R,
             .row_bytes = source_TD.size(1) * static_cast<int64_t>(source_TD.element_size()),
             .divisor = static_cast<int32_t>(divisor)},
            stream);
      });
  return rows_RD;
}

}  // namespace hecaton::kernels
