// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <immintrin.h>

#include "kernels/detail/bfloat16_bits.h"

namespace hecaton::kernels::detail {
namespace {

/// Sixteen float32 at a time. Arithmetic is that of the compiler's vectors: a + b, a * b.
struct Avx512 {
  using Floats = __m512;
  using Words = __m512i;  ///< 32-bit words
  static constexpr int64_t kWidth = 16;
  /// Accumulators of a tile: kTileRows times kTileVectors of the 32 registers, the rest for
  /// operands.
  static constexpr int64_t kTileRows = 14;
  static constexpr int64_t kTileVectors = 2;

  static Floats zero() { return _mm512_setzero_ps(); }
  static Floats set(float value) { return _mm512_set1_ps(value); }
  /// From memory, so that no shuffle takes a slot of the multipliers.
  static Floats broadcast(const float* from) { return _mm512_set1_ps(*from); }
  static Floats load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Floats values) { _mm512_storeu_ps(to, values); }
  static Floats load(const BFloat16Bits* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static void store(BFloat16Bits* to, Floats values) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(bfloat16(values)));
  }
  /// What is left of the values as bfloat16.
  static Floats as_bfloat16(Floats values) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(bfloat16(values), 16));
  }
  static Words load_words(const void* from) { return _mm512_loadu_si512(from); }
  static void store_words(void* to, Words words) { _mm512_storeu_si512(to, words); }
  /// Writes the first kTileRows words and nothing else.
  static void store_tile_rows(void* to, Words words) {
    _mm512_mask_storeu_epi32(to, (1U << kTileRows) - 1, words);
  }

  static float sum(Floats values) { return _mm512_reduce_add_ps(values); }

  /// A NaN among `values` stays.
  static Floats max(float bound, Floats values) { return _mm512_max_ps(set(bound), values); }
  static Floats min(float bound, Floats values) { return _mm512_min_ps(set(bound), values); }
  static Floats round(Floats values) {
    return _mm512_roundscale_ps(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  /// 2^exponents, whole numbers from -126 to 127.
  static Floats power_of_two(Floats exponents) {
    const Words biased = _mm512_add_epi32(_mm512_cvtps_epi32(exponents), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
  }

  /// 1 / values to 1 unit in the last place, for finite values above 2^-126; NaN stays.
  static Floats reciprocal(Floats values) {
    const Floats guess = _mm512_rcp14_ps(values);
    return guess * (set(2.0F) - values * guess);
  }

  /// Transposes a square of words in place.
  static void transpose(Words (&rows)[kWidth]) {
    Words pairs[kWidth];
    for (int i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    Words quads[kWidth];  // quads[i + j]: column 4 * lane + j of rows i to i + 3
    for (int i = 0; i < 16; i += 4) {
      quads[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      quads[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      quads[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      quads[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int j = 0; j < 4; ++j) {
      const Words low_even = _mm512_shuffle_i32x4(quads[j], quads[4 + j], 0x88);
      const Words low_odd = _mm512_shuffle_i32x4(quads[j], quads[4 + j], 0xdd);
      const Words high_even = _mm512_shuffle_i32x4(quads[8 + j], quads[12 + j], 0x88);
      const Words high_odd = _mm512_shuffle_i32x4(quads[8 + j], quads[12 + j], 0xdd);
      rows[j] = _mm512_shuffle_i32x4(low_even, high_even, 0x88);
      rows[8 + j] = _mm512_shuffle_i32x4(low_even, high_even, 0xdd);
      rows[4 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
      rows[12 + j] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xdd);
    }
  }

 private:
  /// Each value as a bfloat16 in the lower half of a word: rounded to nearest, ties to even; NaN
  /// stays NaN.
  static Words bfloat16(Floats values) {
    const Words bits = _mm512_castps_si512(values);
    const Words odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const Words rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
    return _mm512_mask_mov_epi32(
        _mm512_srli_epi32(rounded, 16), is_nan, _mm512_set1_epi32(BFloat16Bits::kNaN));
  }
};

}  // namespace
}  // namespace hecaton::kernels::detail
