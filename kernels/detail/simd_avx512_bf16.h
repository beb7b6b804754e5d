// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "kernels/detail/simd_avx512.h"

namespace hecaton::kernels::detail {
namespace {

/// Sixteen float32 at a time, for CPUs that round to bfloat16 in one instruction. It takes numbers
/// below 2^-126 as 0.
struct Avx512Bf16 : Avx512 {
  using Avx512::store;
  static void store(BFloat16Bits* to, Floats values) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bfloat16(values));
  }
  static Floats as_bfloat16(Floats values) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bfloat16(values)), 16));
  }

 private:
  static __m256i bfloat16(Floats values) {
    return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values));
  }
};

}  // namespace
}  // namespace hecaton::kernels::detail
