// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "kernels/activation_kind.h"

// The CUDA side of the operations: pointers into device memory, sizes and a stream, so that .cu
// files need no header of LibTorch. What each computes stands in kernels/<operation>.h. All of them
// queue work on the stream and return; none allocates or waits. Every size may be zero, tensors are
// contiguous, and offsets are 64 bits wide. Errors: InternalError if a launch fails.

struct CUstream_st;  // cudaStream_t points to it; declared here so that no CUDA header is needed

namespace hecaton::kernels::detail {

using Stream = CUstream_st*;

enum class FloatType { kFloat32, kFloat64, kBFloat16, kFloat16 };

struct PermuteArguments {
  const void* source_TD;
  const int32_t* idx_R;
  void* rows_RD;
  int64_t R;
  int64_t row_bytes;
  int32_t divisor;
};
void permute_rows_cuda(const PermuteArguments& arguments, Stream stream);

struct CombineArguments {
  const void* rows_RD;
  const int32_t* row_of_slot_TK;
  const void* weight_TK;  ///< float, or double for double rows; null for weights of 1
  void* out_TD;
  int64_t T;
  int64_t D;
  int64_t K;
};
void combine_rows_cuda(FloatType type, const CombineArguments& arguments, Stream stream);

/// out[i] = value[idx[i]], 0 where idx[i] is negative. type: float or double.
void gather_values_cuda(
    FloatType type, const void* value, const int32_t* idx, void* out, int64_t size, Stream stream);

struct ActivationForwardArguments {
  const void* z_RG;
  void* a_RF;
  int64_t R;
  int64_t F;
};
void activation_forward_cuda(FloatType type,
                             Activation activation,
                             const ActivationForwardArguments& arguments,
                             Stream stream);

struct ActivationBackwardArguments {
  const void* z_RG;
  const void* da_RF;
  const void* score_R;  ///< float, or double for double rows; so is dscore_R
  void* dz_RG;
  void* a_RF;
  void* dscore_R;
  int64_t R;
  int64_t F;
};
void activation_backward_cuda(FloatType type,
                              Activation activation,
                              const ActivationBackwardArguments& arguments,
                              Stream stream);

/// type: float or double.
void topk_cuda(FloatType type,
               const void* score_TE,
               int64_t T,
               int64_t E,
               int64_t K,
               int32_t* idx_TK,
               Stream stream);

/// The sort of grouping.h cuts the slots into tiles and counts each tile's slots per expert; the
/// exclusive sum of these counts, expert by expert and within an expert tile by tile, is where each
/// tile's rows of an expert begin.
struct GroupingPlan {
  int64_t slots_per_tile;
  int64_t num_tiles;
  int64_t num_counts;  ///< E * num_tiles, at most T*K + E + 256
  int64_t scan_bytes;  ///< work space of the sum
};
GroupingPlan plan_grouping_cuda(int64_t S, int64_t E);

struct GroupingArguments {
  const int32_t* expert_idx_S;
  int64_t S;
  int64_t E;
  GroupingPlan plan;
  int32_t* counts;         ///< [num_counts + 2] work space
  void* scan;              ///< [scan_bytes] work space
  int32_t* slot_of_row_S;  ///< the first R are written
  int32_t* row_of_slot_S;
  int64_t* num_rows_E;
};
/// Leaves R in counts[num_counts], and in counts[num_counts + 1] the largest index of E or more, 0
/// if there is none. Slots with such an index count as unused.
void group_by_expert_cuda(const GroupingArguments& arguments, Stream stream);

}  // namespace hecaton::kernels::detail
