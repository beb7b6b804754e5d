// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "core/cuda_check.h"
#include "kernels/detail/cuda_kernels.h"

// Rows are independent of each other, so every kernel on rows gives each row to one warp, whose
// lanes walk along it in packs of 16 bytes: reads and writes are coalesced, and a row's bits never
// depend on its neighbours or on the size of the grid.

namespace hecaton::kernels::detail {

constexpr int kWarpSize = 32;
constexpr int kWarpsPerBlock = 8;
constexpr int64_t kMaxBlocks = 1 << 16;  // warps then take several rows
constexpr int kPackBytes = 16;           // the widest load and store of one lane
constexpr unsigned kWholeWarp = 0xffffffffU;

inline dim3 warp_block() {
  return dim3(kWarpSize, kWarpsPerBlock);
}

/// Blocks for `num_warps` warps; at least one, since an empty grid is an error.
inline dim3 warp_grid(int64_t num_warps) {
  const int64_t num_blocks = (num_warps + kWarpsPerBlock - 1) / kWarpsPerBlock;
  return dim3(static_cast<unsigned>(std::clamp<int64_t>(num_blocks, 1, kMaxBlocks)));
}

/// This warp among all warps of the grid: the first row it takes.
__device__ inline int64_t warp_idx() {
  return int64_t{blockIdx.x} * kWarpsPerBlock + threadIdx.y;
}

/// Warps in the grid: from one row of a warp to its next.
__device__ inline int64_t num_warps() {
  return int64_t{gridDim.x} * kWarpsPerBlock;
}

/// Consecutive elements that one lane reads or writes at once.
template <typename Scalar, int kWidth>
struct alignas(sizeof(Scalar) * kWidth) Pack {
  Scalar values[kWidth];
};

/// True if rows of `row_bytes` bytes at these addresses can be read and written in whole packs.
template <typename... Pointers>
bool fits(int pack_bytes, int64_t row_bytes, Pointers... rows) {
  const auto is_aligned = [=](const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) % static_cast<uintptr_t>(pack_bytes) == 0;
  };
  return row_bytes % pack_bytes == 0 && (is_aligned(rows) && ...);
}

/// Sums and intermediate results are float, or double for double.
template <typename Scalar>
struct MathType {
  using Type = float;
};
template <>
struct MathType<double> {
  using Type = double;
};
template <typename Scalar>
using Math = typename MathType<Scalar>::Type;

/// Calls body(Scalar{}) with the type that `type` names.
template <typename Body>
void with_scalar(FloatType type, const Body& body) {
  switch (type) {
    case FloatType::kFloat32:
      return body(float{});
    case FloatType::kFloat64:
      return body(double{});
    case FloatType::kBFloat16:
      return body(__nv_bfloat16{});
    case FloatType::kFloat16:
      return body(__half{});
  }
}

/// The same for float and double alone.
template <typename Body>
void with_wide_scalar(FloatType type, const Body& body) {
  if (type == FloatType::kFloat64) {
    return body(double{});
  }
  return body(float{});
}

}  // namespace hecaton::kernels::detail
