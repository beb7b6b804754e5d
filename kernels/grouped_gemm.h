// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

/// The three products of a linear layer per expert. Rows stand in the order of experts and
/// num_rows_L[l] of them belong to expert l; an expert may have none. M and N stand for the widths
/// of the product, for example D and G.
///
/// Source:      Gale et al. 2022, arXiv 2211.15841, section 4 (experts of any number of rows,
///              nothing dropped). Deviations: a product per block of rows, not a block-sparse one.
/// Shapes:      x_RM: [R, M]; weight_LNM: [L, N, M], out by in as in torch::nn::Linear;
///              y_RN: [R, N]. Contiguous rows, CPU; float32, float64 or bfloat16, all equal unless
///              said otherwise.
/// num_rows_L:  L counts on the host, none negative; they sum to R.
/// Errors:      ShapeError for other shapes, counts, dtypes or devices.
/// Gradient:    none recorded.
/// Precision:   float32 accumulation, float64 for float64. A bfloat16 product is rounded to
///              bfloat16 once, also where it is then added to a float32 gradient.
/// Determinism: bitwise for every thread count: each block of an expert's rows is one library
///              product on one thread. A row's bits may depend on how many rows its expert has.

/// y_RN = x_RM weight_LNM^T, expert by expert.
at::Tensor grouped_gemm(const at::Tensor& x_RM,
                        const at::Tensor& weight_LNM,
                        const std::vector<int64_t>& num_rows_L);

/// The gradient of x_RM: dx_RM = dy_RN weight_LNM.
at::Tensor grouped_gemm_input_grad(const at::Tensor& dy_RN,
                                   const at::Tensor& weight_LNM,
                                   const std::vector<int64_t>& num_rows_L);

/// The gradient of the weights, added to what is there: grad_LNM += dy_RN^T x_RM. An expert without
/// rows is left as it is. grad_LNM: float32, or float64 for float64 rows.
void grouped_gemm_weight_grad(const at::Tensor& dy_RN,
                              const at::Tensor& x_RM,
                              const std::vector<int64_t>& num_rows_L,
                              const at::Tensor& grad_LNM);

/// The specifications, in float64, row by row.
at::Tensor grouped_gemm_ref(const at::Tensor& x_RM,
                            const at::Tensor& weight_LNM,
                            const std::vector<int64_t>& num_rows_L);
at::Tensor grouped_gemm_input_grad_ref(const at::Tensor& dy_RN,
                                       const at::Tensor& weight_LNM,
                                       const std::vector<int64_t>& num_rows_L);
void grouped_gemm_weight_grad_ref(const at::Tensor& dy_RN,
                                  const at::Tensor& x_RM,
                                  const std::vector<int64_t>& num_rows_L,
                                  const at::Tensor& grad_LNM);

}  // namespace hecaton::kernels
