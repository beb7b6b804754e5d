// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/detail/bfloat16_bits.h"
#include "kernels/detail/float_panels.h"
#include "kernels/detail/kind_kernels.h"
#include "kernels/detail/simd_avx512.h"

namespace hecaton::kernels::detail {
namespace {

/// Packs bfloat16 in words of two neighbours along k, for CPUs that multiply and add such pairs:
/// word w holds k = 2w in its lower half and k = 2w + 1 in its upper one. Numbers beyond K are
/// zeros.
struct WordPacking {
  using Words = Avx512::Words;
  static constexpr int64_t kWidth = Avx512::kWidth;

  /// Sixteen words along a row, from word w on.
  static Words along_row(const BFloat16Bits* row, int64_t w, int64_t K) {
    const int64_t num_numbers = K - 2 * w;
    if (num_numbers >= 2 * kWidth) {
      return Avx512::load_words(row + 2 * w);
    }
    BFloat16Bits numbers[2 * kWidth] = {};
    if (num_numbers > 0) {
      std::memcpy(numbers, row + 2 * w, static_cast<size_t>(num_numbers) * sizeof(BFloat16Bits));
    }
    return Avx512::load_words(numbers);
  }

  /// Word w of sixteen columns from `column` on, of which num_readable may be read. rows: each one
  /// k.
  static Words across_rows(
      const RowsView& rows, int64_t w, int64_t K, int64_t column, int64_t num_readable) {
    const auto numbers = [&](int64_t k) {
      return k < K ? half_words(row_of<BFloat16Bits>(rows, k) + column, num_readable)
                   : _mm512_setzero_si512();
    };
    return _mm512_or_si512(numbers(2 * w), _mm512_slli_epi32(numbers(2 * w + 1), 16));
  }

  /// Calls store(w, the words of sixteen rows) for each w below num_words.
  template <typename Store>
  static void pack_rows(const RowsView& rows,
                        int64_t first,
                        int64_t count,
                        int64_t K,
                        int64_t num_words,
                        const Store& store) {
    const BFloat16Bits* from[kWidth] = {};
    for (int64_t i = 0; i < kWidth && i < count; ++i) {
      from[i] = row_of<BFloat16Bits>(rows, first + i);
    }
    for (int64_t w = 0; w < num_words; w += kWidth) {
      Words square[kWidth];
      for (int64_t i = 0; i < kWidth; ++i) {
        square[i] = i < count ? along_row(from[i], w, K) : _mm512_setzero_si512();
      }
      Avx512::transpose(square);
      for (int64_t i = 0; i < kWidth && w + i < num_words; ++i) {
        store(w + i, square[i]);
      }
    }
  }

  /// Right panels of two vectors and num_words words, as FloatPanels packs them.
  static constexpr int64_t kLanes = 2 * kWidth;
  static void pack_right_rows(uint32_t* to,
                              int64_t vector,
                              const RowsView& rows,
                              int64_t first,
                              int64_t count,
                              int64_t K,
                              int64_t num_words) {
    pack_rows(rows, first, count, K, num_words, [&](int64_t w, Words words) {
      Avx512::store_words(to + w * kLanes + vector * kWidth, words);
    });
  }
  static void pack_right_columns(
      uint32_t* to, const RowsView& rows, int64_t K, Columns columns, int64_t num_words) {
    const auto pack = [&](int64_t panel, int64_t lane, int64_t w) {
      for (int64_t v = 0; v < kLanes; v += kWidth) {
        Avx512::store_words(
            to + (panel * num_words + w) * kLanes + v,
            across_rows(rows, w, K, columns.first + lane + v, columns.num_readable - lane - v));
      }
    };
    for_each_step<kLanes, 2, BFloat16Bits>(rows, K, columns, pack);
    const int64_t num_panels = divide_up(columns.count, kLanes);
    for (int64_t w = divide_up(K, 2); w < num_words; ++w) {
      for (int64_t panel = 0; panel < num_panels; ++panel) {
        pack(panel, panel * kLanes, w);  // zeros
      }
    }
  }

 private:
  /// Sixteen numbers, each in the lower half of a word.
  static Words half_words(const BFloat16Bits* from, int64_t count) {
    if (count >= kWidth) {
      return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    }
    BFloat16Bits numbers[kWidth] = {};
    if (count > 0) {
      std::memcpy(numbers, from, static_cast<size_t>(count) * sizeof(BFloat16Bits));
    }
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(numbers)));
  }
};

}  // namespace
}  // namespace hecaton::kernels::detail
