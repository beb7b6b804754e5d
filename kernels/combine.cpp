// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/combine.h"

#include <ATen/ops/empty.h>

#include "core/shapes.h"
#include "core/workspace.h"
#include "kernels/detail/cpu_kernels.h"
#include "kernels/detail/device.h"
#include "kernels/detail/dtype_check.h"

namespace hecaton::kernels {
namespace {

/// out[i] = value[idx[i]], 0 where idx[i] is negative; the shape is that of idx.
at::Tensor gather_values(const at::Tensor& value, const at::Tensor& idx) {
  const at::Tensor contiguous_value = value.contiguous();
  const at::Tensor contiguous_idx = idx.contiguous();
  at::Tensor out = at::empty(idx.sizes(), value.options());
  detail::run_on(
      value.device(),
      [&] { detail::gather_values_cpu(contiguous_value, contiguous_idx, out); },
      [&](auto stream) {
        detail::gather_values_cuda(detail::float_type(value.scalar_type()),
                                   contiguous_value.const_data_ptr(),
                                   contiguous_idx.const_data_ptr<int32_t>(),
                                   out.data_ptr(),
                                   out.numel(),
                                   stream);
      });
  return out;
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
  const int64_t T = row_of_slot_TK.size(0);
  const int64_t D = rows_RD.size(1);
  const int64_t K = row_of_slot_TK.size(1);
  at::Tensor weights_TK;
  if (weight_TK.defined()) {
    check_shape("weight_TK", weight_TK, {T, K});
    check_dtype("weight_TK", weight_TK, accumulation_dtype(rows_RD.scalar_type()));
    weights_TK = weight_TK.contiguous();
  }
  detail::check_devices(
      {{"rows_RD", rows_RD}, {"row_of_slot_TK", row_of_slot_TK}, {"weight_TK", weight_TK}});
  const at::Tensor contiguous_RD = rows_RD.contiguous();
  const at::Tensor contiguous_TK = row_of_slot_TK.contiguous();
  at::Tensor out_TD = rows_RD.is_cpu() ? workspace_empty({T, D}, rows_RD.scalar_type())
                                       : at::empty({T, D}, rows_RD.options());
  detail::run_on(
      rows_RD.device(),
      [&] { detail::combine_rows_cpu(contiguous_RD, contiguous_TK, weights_TK, out_TD); },
      [&](auto stream) {
        detail::combine_rows_cuda(
            detail::float_type(rows_RD.scalar_type()),
            {.rows_RD = contiguous_RD.const_data_ptr(),
             .row_of_slot_TK = contiguous_TK.const_data_ptr<int32_t>(),
             .weight_TK = weights_TK.defined() ? weights_TK.const_data_ptr() : nullptr,
             .out_TD = out_TD.data_ptr(),
             .T = T,
             .D = D,
             .K = K},
            stream);
      });
  return out_TD;
}

at::Tensor slot_values(const at::Tensor& value_R, const at::Tensor& row_of_slot_TK) {
  check_shape("value_R", value_R, {-1});
  detail::check_dtype_among("value_R", value_R, {at::kFloat, at::kDouble});
  check_dtype("row_of_slot_TK", row_of_slot_TK, at::kInt);
  detail::check_devices({{"value_R", value_R}, {"row_of_slot_TK", row_of_slot_TK}});
  return gather_values(value_R, row_of_slot_TK);
}

at::Tensor row_values(const at::Tensor& value_TK, const at::Tensor& slot_of_row_R) {
  detail::check_dtype_among("value_TK", value_TK, {at::kFloat, at::kDouble});
  check_dtype("slot_of_row_R", slot_of_row_R, at::kInt);
  detail::check_devices({{"value_TK", value_TK}, {"slot_of_row_R", slot_of_row_R}});
  return gather_values(value_TK, slot_of_row_R);
}

}  // namespace hecaton::kernels
