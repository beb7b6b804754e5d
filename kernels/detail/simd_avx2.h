// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <immintrin.h>

#include "kernels/detail/bfloat16_bits.h"

namespace hecaton::kernels::detail {
namespace {

/// Eight float32 at a time; what each function does stands in simd_avx512.h.
struct Avx2 {
  using Floats = __m256;
  using Words = __m256i;
  static constexpr int64_t kWidth = 8;
  static constexpr int64_t kTileRows = 6;  // 12 of 16 registers
  static constexpr int64_t kTileVectors = 2;

  static Floats zero() { return _mm256_setzero_ps(); }
  static Floats set(float value) { return _mm256_set1_ps(value); }
  static Floats broadcast(const float* from) { return _mm256_broadcast_ss(from); }
  static Floats load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Floats values) { _mm256_storeu_ps(to, values); }
  static Floats load(const BFloat16Bits* from) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static void store(BFloat16Bits* to, Floats values) {
    const Words words = bfloat16(values);
    const Words packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(words, words), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
  }
  static Floats as_bfloat16(Floats values) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(bfloat16(values), 16));
  }
  static Words load_words(const void* from) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(from));
  }
  static void store_words(void* to, Words words) {
    _mm256_storeu_si256(static_cast<__m256i*>(to), words);
  }
  static void store_tile_rows(void* to, Words words) {
    const Words mask = _mm256_setr_epi32(-1, -1, -1, -1, -1, -1, 0, 0);
    _mm256_maskstore_epi32(static_cast<int*>(to), mask, words);
  }

  static float sum(Floats values) {
    const __m128 four =
        _mm_add_ps(_mm256_castps256_ps128(values), _mm256_extractf128_ps(values, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static Floats max(float bound, Floats values) { return _mm256_max_ps(set(bound), values); }
  static Floats min(float bound, Floats values) { return _mm256_min_ps(set(bound), values); }
  static Floats round(Floats values) {
    return _mm256_round_ps(values, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static Floats power_of_two(Floats exponents) {
    const Words biased = _mm256_add_epi32(_mm256_cvtps_epi32(exponents), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  }

  static Floats reciprocal(Floats values) { return set(1.0F) / values; }

  static void transpose(Words (&rows)[kWidth]) {
    Words pairs[kWidth];
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    Words quads[kWidth];  // quads[i + j]: column 4 * lane + j of rows i to i + 3
    for (int i = 0; i < 8; i += 4) {
      quads[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
      quads[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
      quads[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      quads[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int j = 0; j < 4; ++j) {
      rows[j] = _mm256_permute2x128_si256(quads[j], quads[4 + j], 0x20);
      rows[4 + j] = _mm256_permute2x128_si256(quads[j], quads[4 + j], 0x31);
    }
  }

 private:
  static Words bfloat16(Floats values) {
    const Words bits = _mm256_castps_si256(values);
    const Words odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const Words rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const Words is_nan = _mm256_castps_si256(_mm256_cmp_ps(values, values, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(
        _mm256_srli_epi32(rounded, 16), _mm256_set1_epi32(BFloat16Bits::kNaN), is_nan);
  }
};

}  // namespace
}  // namespace hecaton::kernels::detail
