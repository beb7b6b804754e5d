// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cmath>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include "kernels/detail/cpu_kernels.h"

namespace hecaton::kernels::detail {
namespace {

constexpr int64_t kRowsPerTask = 256;  // some 10 us of work, well above the cost of a task

/// Larger first, NaN after every number. Equals are not ahead of each other.
template <typename Scalar>
bool is_ahead(Scalar a, Scalar b) {
  return a > b || (std::isnan(b) && !std::isnan(a));
}

/// Keeps the best K in order while walking the row once. A later equal score never passes an
/// earlier one, which is the tie rule.
template <typename Scalar>
void topk_row(const Scalar* score_E, int64_t E, int64_t K, Scalar* best_K, int32_t* idx_K) {
  int64_t num_kept = 0;
  for (int64_t e = 0; e < E; ++e) {
    const Scalar score = score_E[e];
    if (num_kept == K && !is_ahead(score, best_K[K - 1])) {
      continue;
    }
    int64_t place = num_kept < K ? num_kept++ : K - 1;
    for (; place > 0 && is_ahead(score, best_K[place - 1]); --place) {
      best_K[place] = best_K[place - 1];
      idx_K[place] = idx_K[place - 1];
    }
    best_K[place] = score;
    idx_K[place] = static_cast<int32_t>(e);
  }
}

}  // namespace

void topk_cpu(const at::Tensor& score_TE, int64_t K, const at::Tensor& idx_TK) {
  const int64_t E = score_TE.size(1);
  AT_DISPATCH_FLOATING_TYPES(score_TE.scalar_type(), "topk", [&] {
    const scalar_t* score = score_TE.const_data_ptr<scalar_t>();
    int32_t* idx = idx_TK.data_ptr<int32_t>();
    at::parallel_for(0, score_TE.size(0), kRowsPerTask, [&](int64_t begin, int64_t end) {
      std::vector<scalar_t> best_K(static_cast<size_t>(K));
      for (int64_t t = begin; t < end; ++t) {
        topk_row(score + t * E, E, K, best_K.data(), idx + t * K);
      }
    });
  });
}

}  // namespace hecaton::kernels::detail
