// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/cuda_kernels.h"
#include "kernels/detail/rows.cuh"

namespace hecaton::kernels::detail {
namespace {

/// A score at its place in the row. idx -1: none.
template <typename Scalar>
struct Candidate {
  Scalar score;
  int32_t idx;
};

/// The order of the result: larger first, NaN after every number, equals by their position.
template <typename Scalar>
__device__ bool is_before(const Candidate<Scalar>& a, const Candidate<Scalar>& b) {
  const bool is_nan_a = isnan(a.score);
  const bool is_nan_b = isnan(b.score);
  if (is_nan_a || is_nan_b) {
    return is_nan_a == is_nan_b ? a.idx < b.idx : is_nan_b;
  }
  return a.score > b.score || (a.score == b.score && a.idx < b.idx);
}

/// The first of two candidates, of which either may be none.
template <typename Scalar>
__device__ Candidate<Scalar> first_of(const Candidate<Scalar>& a, const Candidate<Scalar>& b) {
  return b.idx < 0 || (a.idx >= 0 && is_before(a, b)) ? a : b;
}

template <typename Scalar>
__device__ Candidate<Scalar> first_in_warp(Candidate<Scalar> best) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
    const Candidate<Scalar> other = {__shfl_xor_sync(kWholeWarp, best.score, distance),
                                     __shfl_xor_sync(kWholeWarp, best.idx, distance)};
    best = first_of(best, other);
  }
  return best;
}

/// One warp per row; round k finds the first of those that stand behind the one of round k - 1.
/// The order is strict, so nothing needs to be marked as taken. A row is read K times, from cache.
template <typename Scalar>
__global__ void topk_kernel(
    const Scalar* score_TE, int64_t T, int64_t E, int64_t K, int32_t* idx_TK) {
  for (int64_t t = warp_idx(); t < T; t += num_warps()) {
    Candidate<Scalar> last = {Scalar{0}, -1};
    for (int64_t k = 0; k < K; ++k) {
      Candidate<Scalar> best = {Scalar{0}, -1};
      for (int64_t e = threadIdx.x; e < E; e += kWarpSize) {
        const Candidate<Scalar> candidate = {score_TE[t * E + e], static_cast<int32_t>(e)};
        if (last.idx < 0 || is_before(last, candidate)) {
          best = first_of(best, candidate);
        }
      }
      last = first_in_warp(best);
      if (threadIdx.x == 0) {
        idx_TK[t * K + k] = last.idx;
      }
    }
  }
}

}  // namespace

void topk_cuda(FloatType type,
               const void* score_TE,
               int64_t T,
               int64_t E,
               int64_t K,
               int32_t* idx_TK,
               Stream stream) {
  with_wide_scalar(type, [&](auto zero) {
    using Scalar = decltype(zero);
    topk_kernel<<<warp_grid(T), warp_block(), 0, stream>>>(
        static_cast<const Scalar*>(score_TE), T, E, K, idx_TK);
    HECATON_CUDA(cudaGetLastError());
  });
}

}  // namespace hecaton::kernels::detail
