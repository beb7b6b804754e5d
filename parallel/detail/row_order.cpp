// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/row_order.h"

#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>

#include "core/error.h"

namespace hecaton::parallel::detail {

RowOrder order_by_expert(const at::Tensor& num_rows_PL) {
  const int64_t P = num_rows_PL.size(0);
  const int64_t L = num_rows_PL.size(1);
  const int64_t* num_rows = num_rows_PL.const_data_ptr<int64_t>();
  std::vector<int64_t> first_received(static_cast<size_t>(P * L));
  std::exclusive_scan(num_rows, num_rows + P * L, first_received.begin(), int64_t{0});
  const int64_t R = std::accumulate(num_rows, num_rows + P * L, int64_t{0});
  if (R > std::numeric_limits<int32_t>::max()) {
    throw ShapeError("rows that one rank's experts receive must be below 2^31: found " +
                     std::to_string(R) + "; smaller micro-batches or more chunks send fewer");
  }
  const auto options = at::TensorOptions().dtype(at::kInt);
  RowOrder order{at::empty({R}, options), at::empty({R}, options)};
  int32_t* received_of_row = order.received_of_row_R.data_ptr<int32_t>();
  int32_t* row_of_received = order.row_of_received_R.data_ptr<int32_t>();
  int32_t row = 0;
  for (int64_t l = 0; l < L; ++l) {
    for (int64_t p = 0; p < P; ++p) {
      const int64_t first = first_received[static_cast<size_t>(p * L + l)];
      for (int64_t received = first; received < first + num_rows[p * L + l]; ++received, ++row) {
        received_of_row[row] = static_cast<int32_t>(received);
        row_of_received[received] = row;
      }
    }
  }
  return order;
}

}  // namespace hecaton::parallel::detail
