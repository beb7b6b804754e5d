// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <cstring>

#include <ATen/Parallel.h>

#include "core/check.h"
#include "kernels/detail/cpu_kernels.h"

namespace hecaton::kernels::detail {

void permute_rows_cpu(const at::Tensor& source_TD,
                      const at::Tensor& idx_R,
                      int64_t divisor,
                      const at::Tensor& rows_RD) {
  const int64_t T = source_TD.size(0);
  const int64_t row_bytes = source_TD.size(1) * static_cast<int64_t>(source_TD.element_size());
  const char* source = static_cast<const char*>(source_TD.const_data_ptr());
  char* rows = static_cast<char*>(rows_RD.data_ptr());
  const int32_t* idx = idx_R.const_data_ptr<int32_t>();
  constexpr int64_t kBytesPerTask = 1 << 16;
  const int64_t grain = std::max<int64_t>(1, kBytesPerTask / std::max<int64_t>(1, row_bytes));
  at::parallel_for(0, idx_R.size(0), grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t t = idx[r] / divisor;
      HECATON_DCHECK(idx[r] >= 0 && t < T, "row index outside source_TD");
      std::memcpy(rows + r * row_bytes, source + t * row_bytes, static_cast<size_t>(row_bytes));
    }
  });
  static_cast<void>(T);  // read by the check alone
}

}  // namespace hecaton::kernels::detail
