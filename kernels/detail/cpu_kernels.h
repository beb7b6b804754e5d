// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "kernels/activation.h"
#include "kernels/grouping.h"

// The CPU side of the operations that have a CUDA side too (cuda_kernels.h). What each computes
// stands in kernels/<operation>.h; arguments have been checked, and inputs and outputs are
// contiguous.

namespace hecaton::kernels::detail {

void permute_rows_cpu(const at::Tensor& source_TD,
                      const at::Tensor& idx_R,
                      int64_t divisor,
                      const at::Tensor& rows_RD);

/// weight_TK: undefined for weights of 1.
void combine_rows_cpu(const at::Tensor& rows_RD,
                      const at::Tensor& row_of_slot_TK,
                      const at::Tensor& weight_TK,
                      const at::Tensor& out_TD);

/// out[i] = value[idx[i]], 0 where idx[i] is negative, whatever the shapes.
void gather_values_cpu(const at::Tensor& value, const at::Tensor& idx, const at::Tensor& out);

void activation_forward_cpu(const at::Tensor& z_RG, Activation activation, const at::Tensor& a_RF);

void activation_backward_cpu(const at::Tensor& z_RG,
                             const at::Tensor& da_RF,
                             const at::Tensor& score_R,
                             Activation activation,
                             const ActivationGrads& grads);

Grouping group_by_expert_cpu(const at::Tensor& expert_idx_TK, int64_t num_experts);

void topk_cpu(const at::Tensor& score_TE, int64_t K, const at::Tensor& idx_TK);

}  // namespace hecaton::kernels::detail
