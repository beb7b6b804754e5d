// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/ffn_tasks.h"
#include "kernels/detail/simd_avx512_bf16.h"
#include "kernels/detail/word_panels.h"

namespace hecaton::kernels::detail {
namespace {

/// Panels of bfloat16 pairs for vdpbf16ps; what each function does stands in float_panels.h.
struct DotPanels {
  using Simd = Avx512Bf16;
  using Number = BFloat16Bits;
  using Packed = uint32_t;
  using Session = NoSession;
  static constexpr bool kHasMatrixUnit = false;
  static constexpr int64_t kWidth = Simd::kWidth;
  static constexpr int64_t kRows = Simd::kTileRows;
  static constexpr int64_t kVectors = Simd::kTileVectors;
  static constexpr int64_t kLanes = kVectors * kWidth;

  static constexpr int64_t num_words(int64_t K) { return (K + 1) / 2; }
  static constexpr int64_t left_size(int64_t K) { return num_words(K) * kRows; }
  static constexpr int64_t right_size(int64_t K) { return num_words(K) * kLanes; }

  static void pack_left_rows(uint32_t* to, const RowsView& rows, int64_t num_rows, int64_t K) {
    for (int64_t row = 0; row < num_rows; row += kRows) {
      uint32_t* panel = to + row * num_words(K);
      const int64_t count = smaller(kRows, num_rows - row);
      WordPacking::pack_rows(rows, row, count, K, num_words(K), [&](int64_t w, Simd::Words words) {
        Simd::store_tile_rows(panel + w * kRows, words);
      });
    }
  }
  static void pack_left_columns(uint32_t* to, const RowsView& rows, int64_t K, Columns columns) {
    const auto pack = [&](int64_t panel, int64_t lane, int64_t w) {
      Simd::store_tile_rows(
          to + panel * left_size(K) + w * kRows,
          WordPacking::across_rows(rows, w, K, columns.first + lane, columns.num_readable - lane));
    };
    for_each_step<kRows, 2, BFloat16Bits>(rows, K, columns, pack);
  }
  static void pack_right_rows(
      uint32_t* to, int64_t vector, const RowsView& rows, int64_t first, int64_t count, int64_t K) {
    WordPacking::pack_right_rows(to, vector, rows, first, count, K, num_words(K));
  }
  static void pack_right_columns(uint32_t* to, const RowsView& rows, int64_t K, Columns columns) {
    WordPacking::pack_right_columns(to, rows, K, columns, num_words(K));
  }

  static void multiply(
      int64_t num_rows, int64_t K, const uint32_t* left, const uint32_t* right, float* tile) {
    multiply_rows<kRows>(num_rows, num_words(K), left, right, tile);
  }

 private:
  template <int64_t kNumRows>
  static void multiply_rows(int64_t num_rows,
                            int64_t num_words,
                            const uint32_t* left,
                            const uint32_t* right,
                            float* tile) {
    if constexpr (kNumRows > 1) {
      if (num_rows < kNumRows) {
        multiply_rows<kNumRows - 1>(num_rows, num_words, left, right, tile);
        return;
      }
    }
    __m512 sums[kNumRows][kVectors];
    for (auto& row : sums) {
      for (__m512& sum : row) {
        sum = _mm512_setzero_ps();
      }
    }
    for (int64_t w = 0; w < num_words; ++w) {
      __m512bh lanes[kVectors];
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        lanes[v] = reinterpret_cast<__m512bh>(Avx512::load_words(right + w * kLanes + v * kWidth));
      }
#pragma GCC unroll 16
      for (int64_t i = 0; i < kNumRows; ++i) {
        const auto pair =
            reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(left[w * kRows + i])));
#pragma GCC unroll 2
        for (int64_t v = 0; v < kVectors; ++v) {
          sums[i][v] = _mm512_dpbf16_ps(sums[i][v], pair, lanes[v]);
        }
      }
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < kNumRows; ++i) {
#pragma GCC unroll 2
      for (int64_t v = 0; v < kVectors; ++v) {
        Avx512::store(tile + i * kLanes + v * kWidth, sums[i][v]);
      }
    }
  }
};

}  // namespace

const KindKernels kBFloat16Avx512Dot = FfnTasks<DotPanels>::kernels("bfloat16 avx512_bf16");

}  // namespace hecaton::kernels::detail
