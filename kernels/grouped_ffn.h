// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/grad_sink.h"
#include "kernels/activation_kind.h"
#include "kernels/indexed_rows.h"

namespace hecaton::kernels {

/// The feed-forward experts of a layer: y = act(x up^T) down^T, expert by expert, with its backward
/// in two parts. Rows stand in the order of experts and num_rows_L[l] of them belong to expert l;
/// an expert may have none.
///
/// Source:      Gale et al. 2022, arXiv 2211.15841, section 4 (experts of any number of rows,
///              nothing dropped); Guo et al. 2025, arXiv 2512.14080 (what is saved, and the
///              gradient of a score without the output it weighed). Deviations: tasks of up to 512
///              rows of an expert, packed products on one thread each.
/// Shapes:      x and dy: R rows of width D; up_LGD [L, G, D] and down_LDF [L, D, F], out by in as
///              in torch::nn::Linear. CPU; float32, float64 or bfloat16, all equal unless said
///              otherwise.
/// Errors:      ShapeError for other shapes, counts, dtypes or devices.
/// Gradient:    none recorded.
/// Precision:   float32 sums, float64 for float64; everything returned is rounded once. On CPUs
///              with AVX2 float32 and bfloat16 go to kernels of our own (cpu_kind.h), which compute
///              a float32 sum product by product in order; elsewhere, and for float64, to
///              grouped_gemm.h.
/// Determinism: bitwise on one kind of CPU, for every thread count; a row's bits depend on that row
///              and its expert's weights alone (but see grouped_gemm.h where that computes).
/// Progress:    poll_progress() between tiles, on the calling thread.
/// Memory:      scratch and what is returned come from workspace_empty(). Scratch for each thread
///              that has work: in the packed products' numbers (float32, or bfloat16 where pairs of
///              them are multiplied) a task's rows times the widest of D, F and G, at most about
///              4 million; forward also its activations; 512 KiB, or K times 32 lanes if that is
///              more, of packed weights. The weights' gradients: about 1.5 MiB.

/// Result of ffn_forward().
struct FfnForward {
  at::Tensor z_RG;  ///< pre-activations; undefined if not asked for
  at::Tensor y_RD;
};

FfnForward ffn_forward(const IndexedRows& x,
                       const at::Tensor& up_LGD,
                       const at::Tensor& down_LDF,
                       const std::vector<int64_t>& num_rows_L,
                       Activation activation,
                       bool keeps_z);

/// Result of ffn_backward().
struct FfnBackward {
  at::Tensor dx_RD = {};
  at::Tensor dscore_R = {};  ///< [R] float32 (float64): <dy down, act(z)>
  at::Tensor dz_RG = {};     ///< left operand of up's gradient
  at::Tensor a_RF = {};      ///< score times act(z), right operand of down's gradient
};

/// The gradients of rows and scores. dy: of the layer's output at each row's token, not multiplied
/// by score_R [R], float32 (float64), with which the row's output was summed. z_RG: as
/// ffn_forward() returned it.
FfnBackward ffn_backward(const IndexedRows& dy,
                         const at::Tensor& score_R,
                         const at::Tensor& z_RG,
                         const at::Tensor& up_LGD,
                         const at::Tensor& down_LDF,
                         const std::vector<int64_t>& num_rows_L,
                         Activation activation);

/// Adds the gradients of the weights to their sinks, or writes them into blank ones:
/// up_grad_LGD += dz^T x, down_grad_LDF += dy^T a. Both float32 (float64), contiguous; one that is
/// not set is left out. An expert without rows adds nothing.
void ffn_weight_grads(const IndexedRows& x,
                      const IndexedRows& dy,
                      const FfnBackward& backward,
                      const std::vector<int64_t>& num_rows_L,
                      GradSink up_grad_LGD,
                      GradSink down_grad_LDF);

}  // namespace hecaton::kernels
