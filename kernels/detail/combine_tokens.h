// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "kernels/detail/kind_kernels.h"
#include "kernels/detail/simd_math.h"

namespace hecaton::kernels::detail {
namespace {

/// kVectors vectors of one token from column d on, at most `count` columns; the sums stay in
/// registers.
template <typename Simd, typename Number, int64_t kVectors>
void combine_columns(const CombineTask& task, int64_t t, int64_t d, int64_t count) {
  typename Simd::Floats sums[kVectors];
  for (auto& sum : sums) {
    sum = Simd::zero();
  }
  for (int64_t slot = t * task.K; slot < (t + 1) * task.K; ++slot) {
    if (task.row_of_slot[slot] < 0) {
      continue;
    }
    const auto* row =
        static_cast<const Number*>(task.rows_RD) + task.row_of_slot[slot] * task.D + d;
    const typename Simd::Floats weight =
        Simd::set(task.weight_TK == nullptr ? 1.0F : task.weight_TK[slot]);
#pragma GCC unroll 8
    for (int64_t v = 0; v < kVectors; ++v) {
      const int64_t lane = v * Simd::kWidth;
      sums[v] = sums[v] + weight * load_some<Simd>(row + lane, count - lane);
    }
  }
  auto* out = static_cast<Number*>(task.out_TD) + t * task.D + d;
#pragma GCC unroll 8
  for (int64_t v = 0; v < kVectors; ++v) {
    const int64_t lane = v * Simd::kWidth;
    store_some<Simd>(out + lane, sums[v], count - lane);
  }
}

/// Asks for the part of token t's rows that combine_columns() will read.
template <typename Number>
void prefetch_columns(const CombineTask& task, int64_t t, int64_t d, int64_t count) {
  for (int64_t slot = t * task.K; slot < (t + 1) * task.K && t < task.end_T; ++slot) {
    if (task.row_of_slot[slot] >= 0) {
      const auto* row =
          static_cast<const Number*>(task.rows_RD) + task.row_of_slot[slot] * task.D + d;
      for (int64_t i = 0; i < count; i += 64 / static_cast<int64_t>(sizeof(Number))) {
        __builtin_prefetch(row + i);
      }
    }
  }
}

template <typename Simd, typename Number>
void combine(const CombineTask& task) {
  constexpr int64_t kVectors = 8;
  constexpr int64_t kColumns = kVectors * Simd::kWidth;
  for (int64_t t = task.begin_T; t < task.end_T; ++t) {
    int64_t d = 0;
    for (; d + kColumns <= task.D; d += kColumns) {
      prefetch_columns<Number>(task, t + 1, d, kColumns);
      combine_columns<Simd, Number, kVectors>(task, t, d, kColumns);
    }
    for (; d < task.D; d += Simd::kWidth) {
      combine_columns<Simd, Number, 1>(task, t, d, smaller(Simd::kWidth, task.D - d));
    }
  }
}

}  // namespace
}  // namespace hecaton::kernels::detail
