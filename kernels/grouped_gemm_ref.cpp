// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouped_gemm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

namespace hecaton::kernels {
namespace {

/// Calls body(row, expert) for every row.
template <typename Body>
void for_each_row(const std::vector<int64_t>& num_rows_L, const Body& body) {
  int64_t row = 0;
  for (size_t l = 0; l < num_rows_L.size(); ++l) {
    for (int64_t i = 0; i < num_rows_L[l]; ++i) {
      body(row++, static_cast<int64_t>(l));
    }
  }
}

at::Tensor zeros64(int64_t num_rows, int64_t width) {
  return at::zeros({num_rows, width}, at::TensorOptions().dtype(at::kDouble));
}

}  // namespace

at::Tensor grouped_gemm_ref(const at::Tensor& x_RM,
                            const at::Tensor& weight_LNM,
                            const std::vector<int64_t>& num_rows_L) {
  const at::Tensor x64_RM = x_RM.to(at::kDouble);
  const at::Tensor weight64_LNM = weight_LNM.to(at::kDouble);
  at::Tensor y_RN = zeros64(x_RM.size(0), weight_LNM.size(1));
  for_each_row(num_rows_L, [&](int64_t row, int64_t l) {
    y_RN[row].copy_((weight64_LNM[l] * x64_RM[row]).sum(-1));
  });
  return y_RN;
}

at::Tensor grouped_gemm_input_grad_ref(const at::Tensor& dy_RN,
                                       const at::Tensor& weight_LNM,
                                       const std::vector<int64_t>& num_rows_L) {
  const at::Tensor dy64_RN = dy_RN.to(at::kDouble);
  const at::Tensor weight64_LNM = weight_LNM.to(at::kDouble);
  at::Tensor dx_RM = zeros64(dy_RN.size(0), weight_LNM.size(2));
  for_each_row(num_rows_L, [&](int64_t row, int64_t l) {
    dx_RM[row].copy_((weight64_LNM[l] * dy64_RN[row].unsqueeze(1)).sum(0));
  });
  return dx_RM;
}

void grouped_gemm_weight_grad_ref(const at::Tensor& dy_RN,
                                  const at::Tensor& x_RM,
                                  const std::vector<int64_t>& num_rows_L,
                                  const at::Tensor& grad_LNM) {
  const at::Tensor dy64_RN = dy_RN.to(at::kDouble);
  const at::Tensor x64_RM = x_RM.to(at::kDouble);
  at::Tensor sum_LNM = grad_LNM.to(at::kDouble);
  for_each_row(num_rows_L, [&](int64_t row, int64_t l) {
    sum_LNM[l].add_(at::outer(dy64_RN[row], x64_RM[row]));
  });
  grad_LNM.copy_(sum_LNM);
}

}  // namespace hecaton::kernels
