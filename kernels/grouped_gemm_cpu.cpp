// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouped_gemm.h"

#include <numeric>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include "core/error.h"
#include "core/shapes.h"
#include "kernels/detail/dtype_check.h"

namespace hecaton::kernels {
namespace {

/// name: the rows that the counts divide among the experts.
void check_rows(const char* name, const at::Tensor& rows, const std::vector<int64_t>& num_rows_L) {
  detail::check_dtype_among(name, rows, {at::kFloat, at::kDouble, at::kBFloat16});
  for (const int64_t num_rows : num_rows_L) {
    if (num_rows < 0) {
      throw ShapeError("num_rows_L must not be negative: found " + std::to_string(num_rows));
    }
  }
  const int64_t sum = std::accumulate(num_rows_L.begin(), num_rows_L.end(), int64_t{0});
  if (sum != rows.size(0)) {
    throw ShapeError("num_rows_L must sum to the number of rows: sum=" + std::to_string(sum) +
                     " rows=" + std::to_string(rows.size(0)));
  }
}

void check_same_dtype(const char* name, const at::Tensor& tensor, const at::Tensor& like) {
  check_dtype(name, tensor, like.scalar_type());
}

/// Calls body(l, first_row, num_rows) for every expert that has rows, one expert per thread. ATen
/// runs the GEMM inside on that one thread.
template <typename Body>
void for_each_expert(const std::vector<int64_t>& num_rows_L, const Body& body) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  std::vector<int64_t> first_row_L(num_rows_L.size());
  std::exclusive_scan(num_rows_L.begin(), num_rows_L.end(), first_row_L.begin(), int64_t{0});
  at::parallel_for(0, L, 1, [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // grad mode is per thread, and mm_out refuses to record
    for (int64_t l = begin; l < end; ++l) {
      const int64_t num_rows = num_rows_L[static_cast<size_t>(l)];
      if (num_rows > 0) {
        body(l, first_row_L[static_cast<size_t>(l)], num_rows);
      }
    }
  });
}

}  // namespace

at::Tensor grouped_gemm(const at::Tensor& x_RM,
                        const at::Tensor& weight_LNM,
                        const std::vector<int64_t>& num_rows_L) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("weight_LNM", weight_LNM, {L, -1, -1});
  check_shape("x_RM", x_RM, {-1, weight_LNM.size(2)});
  check_same_dtype("weight_LNM", weight_LNM, x_RM);
  check_rows("x_RM", x_RM, num_rows_L);
  at::Tensor y_RN = at::empty({x_RM.size(0), weight_LNM.size(1)}, x_RM.options());
  for_each_expert(num_rows_L, [&](int64_t l, int64_t first_row, int64_t num_rows) {
    at::Tensor expert_y_RN = y_RN.narrow(0, first_row, num_rows);
    at::mm_out(expert_y_RN, x_RM.narrow(0, first_row, num_rows), weight_LNM.select(0, l).t());
  });
  return y_RN;
}

at::Tensor grouped_gemm_input_grad(const at::Tensor& dy_RN,
                                   const at::Tensor& weight_LNM,
                                   const std::vector<int64_t>& num_rows_L) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("weight_LNM", weight_LNM, {L, -1, -1});
  check_shape("dy_RN", dy_RN, {-1, weight_LNM.size(1)});
  check_same_dtype("weight_LNM", weight_LNM, dy_RN);
  check_rows("dy_RN", dy_RN, num_rows_L);
  at::Tensor dx_RM = at::empty({dy_RN.size(0), weight_LNM.size(2)}, dy_RN.options());
  for_each_expert(num_rows_L, [&](int64_t l, int64_t first_row, int64_t num_rows) {
    at::Tensor expert_dx_RM = dx_RM.narrow(0, first_row, num_rows);
    at::mm_out(expert_dx_RM, dy_RN.narrow(0, first_row, num_rows), weight_LNM.select(0, l));
  });
  return dx_RM;
}

void grouped_gemm_weight_grad(const at::Tensor& dy_RN,
                              const at::Tensor& x_RM,
                              const std::vector<int64_t>& num_rows_L,
                              at::Tensor grad_LNM) {
  const auto L = static_cast<int64_t>(num_rows_L.size());
  check_shape("dy_RN", dy_RN, {-1, -1});
  check_shape("x_RM", x_RM, {dy_RN.size(0), -1});
  check_shape("grad_LNM", grad_LNM, {L, dy_RN.size(1), x_RM.size(1)});
  check_same_dtype("x_RM", x_RM, dy_RN);
  check_dtype("grad_LNM", grad_LNM, accumulation_dtype(dy_RN.scalar_type()));
  check_rows("dy_RN", dy_RN, num_rows_L);
  const bool is_same_dtype = grad_LNM.scalar_type() == dy_RN.scalar_type();
  for_each_expert(num_rows_L, [&](int64_t l, int64_t first_row, int64_t num_rows) {
    at::Tensor grad_NM = grad_LNM.select(0, l);
    const at::Tensor expert_dy_NR = dy_RN.narrow(0, first_row, num_rows).t();
    const at::Tensor expert_x_RM = x_RM.narrow(0, first_row, num_rows);
    if (is_same_dtype) {
      at::addmm_out(grad_NM, grad_NM, expert_dy_NR, expert_x_RM);
    } else {
      // ATen has no bfloat16 product into float32: one call's product is rounded once to bfloat16,
      // sums over calls stay in float32.
      grad_NM.add_(at::mm(expert_dy_NR, expert_x_RM));
    }
  });
}

}  // namespace hecaton::kernels
