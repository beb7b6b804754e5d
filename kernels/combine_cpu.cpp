// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/combine.h"

#include <algorithm>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "core/shapes.h"
#include "kernels/detail/dtype_check.h"

namespace hecaton::kernels {
namespace {

constexpr int64_t kElementsPerTask = 1 << 14;  // some 10 us of work

struct CombineSizes {
  int64_t T;
  int64_t D;
  int64_t K;
};

template <typename Scalar>
void combine(const CombineSizes& sizes,
             const Scalar* rows,
             const int32_t* row_of_slot,
             const at::opmath_type<Scalar>* weight,
             Scalar* out) {
  using Sum = at::opmath_type<Scalar>;
  const int64_t D = sizes.D;
  const int64_t K = sizes.K;
  const int64_t grain = std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, D * K));
  at::parallel_for(0, sizes.T, grain, [=](int64_t begin, int64_t end) {
    std::vector<Sum> sum_D(static_cast<size_t>(D));
    for (int64_t t = begin; t < end; ++t) {
      std::fill(sum_D.begin(), sum_D.end(), Sum{0});
      for (int64_t slot = t * K; slot < (t + 1) * K; ++slot) {
        if (row_of_slot[slot] < 0) {
          continue;
        }
        const Scalar* row_D = rows + row_of_slot[slot] * D;
        const Sum factor = weight == nullptr ? Sum{1} : weight[slot];
        for (int64_t d = 0; d < D; ++d) {
          sum_D[static_cast<size_t>(d)] += factor * static_cast<Sum>(row_D[d]);
        }
      }
      std::copy(sum_D.begin(), sum_D.end(), out + t * D);
    }
  });
}

}  // namespace

at::Tensor combine_rows(const at::Tensor& rows_RD,
                        const at::Tensor& row_of_slot_TK,
                        const at::Tensor& weight_TK) {
  check_shape("rows_RD", rows_RD, {-1, -1});
  detail::check_dtype_among(
      "rows_RD", rows_RD, {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf});
  check_shape("row_of_slot_TK", row_of_slot_TK, {-1, -1});
  check_dtype("row_of_slot_TK", row_of_slot_TK, at::kInt);
  const CombineSizes sizes{row_of_slot_TK.size(0), rows_RD.size(1), row_of_slot_TK.size(1)};
  at::Tensor weights_TK;
  if (weight_TK.defined()) {
    check_shape("weight_TK", weight_TK, {sizes.T, sizes.K});
    check_dtype("weight_TK", weight_TK, accumulation_dtype(rows_RD.scalar_type()));
    weights_TK = weight_TK.contiguous();
  }
  const at::Tensor contiguous_RD = rows_RD.contiguous();
  const at::Tensor contiguous_TK = row_of_slot_TK.contiguous();
  at::Tensor out_TD = at::empty({sizes.T, sizes.D}, rows_RD.options());
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, rows_RD.scalar_type(), "combine_rows", [&] {
        using Sum = at::opmath_type<scalar_t>;
        combine<scalar_t>(sizes,
                          contiguous_RD.const_data_ptr<scalar_t>(),
                          contiguous_TK.const_data_ptr<int32_t>(),
                          weights_TK.defined() ? weights_TK.const_data_ptr<Sum>() : nullptr,
                          out_TD.data_ptr<scalar_t>());
      });
  return out_TD;
}

at::Tensor slot_values(const at::Tensor& value_R, const at::Tensor& row_of_slot_TK) {
  check_shape("value_R", value_R, {-1});
  detail::check_dtype_among("value_R", value_R, {at::kFloat, at::kDouble});
  check_dtype("row_of_slot_TK", row_of_slot_TK, at::kInt);
  const at::Tensor contiguous_R = value_R.contiguous();
  const at::Tensor contiguous_TK = row_of_slot_TK.contiguous();
  at::Tensor out_TK = at::empty(row_of_slot_TK.sizes(), value_R.options());
  AT_DISPATCH_FLOATING_TYPES(value_R.scalar_type(), "slot_values", [&] {
    const scalar_t* value = contiguous_R.const_data_ptr<scalar_t>();
    const int32_t* row_of_slot = contiguous_TK.const_data_ptr<int32_t>();
    scalar_t* out = out_TK.data_ptr<scalar_t>();
    for (int64_t s = 0; s < row_of_slot_TK.numel(); ++s) {
      out[s] = row_of_slot[s] < 0 ? scalar_t{0} : value[row_of_slot[s]];
    }
  });
  return out_TK;
}

at::Tensor row_values(const at::Tensor& value_TK, const at::Tensor& slot_of_row_R) {
  detail::check_dtype_among("value_TK", value_TK, {at::kFloat, at::kDouble});
  check_dtype("slot_of_row_R", slot_of_row_R, at::kInt);
  const at::Tensor contiguous_TK = value_TK.contiguous();
  const at::Tensor contiguous_R = slot_of_row_R.contiguous();
  at::Tensor out_R = at::empty({slot_of_row_R.numel()}, value_TK.options());
  AT_DISPATCH_FLOATING_TYPES(value_TK.scalar_type(), "row_values", [&] {
    const scalar_t* value = contiguous_TK.const_data_ptr<scalar_t>();
    const int32_t* slot_of_row = contiguous_R.const_data_ptr<int32_t>();
    scalar_t* out = out_R.data_ptr<scalar_t>();
    for (int64_t r = 0; r < slot_of_row_R.numel(); ++r) {
      out[r] = value[slot_of_row[r]];
    }
  });
  return out_R;
}

}  // namespace hecaton::kernels
