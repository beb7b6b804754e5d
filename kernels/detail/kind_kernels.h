// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/activation_kind.h"

// The work of one thread on the feed-forward experts and their tokens, on plain pointers: these
// functions are compiled once for each kind of CPU. What their sources include stands in unnamed
// namespaces, and is neither LibTorch's nor the standard library's beyond constants: an inline
// function compiled there could be picked by the linker for every CPU (a test looks for one).

namespace hecaton::kernels::detail {

/// Rows of a matrix that need not stand one after the other: row i begins at
/// data + row_idx[i] * stride elements; without row_idx at data + i * stride.
struct RowsView {
  const void* data = nullptr;
  int64_t stride = 0;
  const int32_t* row_idx = nullptr;
};

/// Sizes of one expert, as in the legend of shapes.
struct FfnSizes {
  int64_t D = 0;
  int64_t F = 0;
  Activation activation = Activation::kSwiGlu;
};

/// Forward of some rows of one expert. Matrices are row by row, of the kernels' number type.
struct FfnForwardTask {
  FfnSizes sizes;
  int64_t num_rows = 0;
  RowsView x;  ///< [num_rows, D]
  const void* up_GD = nullptr;
  const void* down_DF = nullptr;
  void* z_RG = nullptr;  ///< [num_rows, G], null if it is not wanted
  void* y_RD = nullptr;  ///< [num_rows, D]
  std::byte* scratch = nullptr;
  void (*poll)() = nullptr;  ///< called between tiles; may be null
};

/// Backward of some rows of one expert, up to the gradients of its weights.
struct FfnBackwardTask {
  FfnSizes sizes;
  int64_t num_rows = 0;
  RowsView dy;  ///< [num_rows, D]
  const float* score_R = nullptr;
  const void* z_RG = nullptr;
  const void* up_GD = nullptr;
  const void* down_DF = nullptr;
  void* dz_RG = nullptr;
  void* a_RF = nullptr;  ///< score times activation
  void* dx_RD = nullptr;
  float* dscore_R = nullptr;
  std::byte* scratch = nullptr;
  void (*poll)() = nullptr;  ///< called between tiles; may be null
};

/// Adds left^T right over the rows to some rows of one weight's gradient, or writes it there:
/// grad[n, m] += sum over r of left[r, n] * right[r, m].
struct WeightGradTask {
  int64_t num_rows = 0;
  RowsView left;        ///< [num_rows, N]
  RowsView right;       ///< [num_rows, M]
  int64_t begin_N = 0;  ///< the task's columns of left, rows of grad
  int64_t end_N = 0;
  int64_t M = 0;
  float* grad_NM = nullptr;  ///< the whole gradient
  bool overwrites = false;
  std::byte* scratch = nullptr;
  void (*poll)() = nullptr;  ///< called between tiles; may be null
};

/// Brings the rows of tokens [begin_T, end_T) back to them; what is computed stands in combine.h.
struct CombineTask {
  int64_t begin_T = 0;
  int64_t end_T = 0;
  int64_t D = 0;
  int64_t K = 0;
  const void* rows_RD = nullptr;
  const int32_t* row_of_slot = nullptr;  ///< [T, K]
  const float* weight_TK = nullptr;      ///< null for weights of 1
  void* out_TD = nullptr;
};

/// Rows of a forward or backward task at most, and rows of grad of a weight gradient's: enough to
/// make the packing of the other operand cheap.
constexpr int64_t kRowsPerTask = 512;

/// What one kind of CPU computes for one number type.
///
/// Precision:   sums in float32, one product after the other in the order of the inner dim (two at
///              a time where the CPU multiplies pairs of bfloat16, 32 at a time where it has matrix
///              registers; these two kinds read bfloat16 numbers below 2^-126 as 0 in products, and
///              store 0 for results below it). What is stored is rounded once; the activation reads
///              the z that is stored.
/// Determinism: a row's bits depend on that row and the weights alone, and not on the split into
///              tasks.
struct KindKernels {
  const char* name = nullptr;
  void (*forward)(const FfnForwardTask& task) = nullptr;
  void (*backward)(const FfnBackwardTask& task) = nullptr;
  void (*weight_grad)(const WeightGradTask& task) = nullptr;
  void (*combine)(const CombineTask& task) = nullptr;
  /// Bytes of scratch that a task needs, with its start at a multiple of 64. max_rows: the task's
  /// rows, or columns of left, at most.
  size_t (*forward_scratch_bytes)(const FfnSizes& sizes, int64_t max_rows) = nullptr;
  size_t (*backward_scratch_bytes)(const FfnSizes& sizes, int64_t max_rows) = nullptr;
  size_t (*weight_grad_scratch_bytes)(int64_t max_rows) = nullptr;
};

/// The kernels of each kind of CPU; a caller must know that the CPU is of that kind.
extern const KindKernels kFloatAvx2;
extern const KindKernels kBFloat16Avx2;
extern const KindKernels kFloatAvx512;
extern const KindKernels kBFloat16Avx512;
extern const KindKernels kBFloat16Avx512Dot;
extern const KindKernels kBFloat16Amx;

}  // namespace hecaton::kernels::detail
