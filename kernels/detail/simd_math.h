// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/activation_kind.h"

// Functions over the vectors of simd_avx2.h and simd_avx512.h. Each lane's result depends on that
// lane alone.

namespace hecaton::kernels::detail {
namespace {

constexpr int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}
constexpr int64_t larger(int64_t a, int64_t b) {
  return a < b ? b : a;
}
constexpr int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// The first `count` numbers, at most a vector; zeros behind them. Nothing else is read.
template <typename Simd, typename Number>
typename Simd::Floats load_some(const Number* from, int64_t count) {
  if (count >= Simd::kWidth) {
    return Simd::load(from);
  }
  Number numbers[Simd::kWidth] = {};
  if (count > 0) {
    std::memcpy(numbers, from, static_cast<size_t>(count) * sizeof(Number));
  }
  return Simd::load(numbers);
}

/// Writes the first `count` lanes and nothing else.
template <typename Simd, typename Number>
void store_some(Number* to, typename Simd::Floats values, int64_t count) {
  if (count >= Simd::kWidth) {
    Simd::store(to, values);
    return;
  }
  Number numbers[Simd::kWidth];
  Simd::store(numbers, values);
  if (count > 0) {
    std::memcpy(to, numbers, static_cast<size_t>(count) * sizeof(Number));
  }
}

/// What is left of the values once they are stored as `Number`.
template <typename Simd, typename Number>
typename Simd::Floats rounded_to(typename Simd::Floats values) {
  if constexpr (sizeof(Number) == sizeof(float)) {
    return values;
  } else {
    return Simd::as_bfloat16(values);
  }
}

/// e^x to 2 units in the last place for x above -87.3, e^-87.3 below; NaN stays.
/// Source: Moshier, Cephes Mathematical Library, expf (range reduction and polynomial).
template <typename Simd>
typename Simd::Floats exp(typename Simd::Floats x) {
  using Floats = typename Simd::Floats;
  x = Simd::max(-87.3F, Simd::min(88.0F, x));
  const Floats n = Simd::round(x * Simd::set(1.44269504088896341F));
  Floats r = x - n * Simd::set(0.693359375F);
  r = r + n * Simd::set(2.12194440e-4F);
  Floats p = Simd::set(1.9875691500e-4F);
  p = p * r + Simd::set(1.3981999507e-3F);
  p = p * r + Simd::set(8.3334519073e-3F);
  p = p * r + Simd::set(4.1665795894e-2F);
  p = p * r + Simd::set(1.6666665459e-1F);
  p = p * r + Simd::set(5.0000001201e-1F);
  p = p * (r * r) + r + Simd::set(1.0F);
  return p * Simd::power_of_two(n);
}

/// The error function to 3e-7; NaN stays.
/// Source: the rational approximation of Eigen and XLA, odd over even, on [-4, 4].
template <typename Simd>
typename Simd::Floats erf(typename Simd::Floats x) {
  using Floats = typename Simd::Floats;
  x = Simd::max(-4.0F, Simd::min(4.0F, x));
  const Floats x2 = x * x;
  Floats odd = Simd::set(-2.72614225801306e-10F);
  odd = odd * x2 + Simd::set(2.77068142495902e-08F);
  odd = odd * x2 + Simd::set(-2.10102402082508e-06F);
  odd = odd * x2 + Simd::set(-5.69250639462346e-05F);
  odd = odd * x2 + Simd::set(-7.34990630326855e-04F);
  odd = odd * x2 + Simd::set(-2.95459980854025e-03F);
  odd = odd * x2 + Simd::set(-1.60960333262415e-02F);
  Floats even = Simd::set(-1.45660718464996e-05F);
  even = even * x2 + Simd::set(-2.13374055278905e-04F);
  even = even * x2 + Simd::set(-1.68282697438203e-03F);
  even = even * x2 + Simd::set(-7.37332916720468e-03F);
  even = even * x2 + Simd::set(-1.42647390514189e-02F);
  return x * odd / even;
}

/// A function of the gate, or of z where nothing is gated, and its derivative.
template <typename Simd>
struct Curve {
  typename Simd::Floats value;
  typename Simd::Floats slope;
};

template <typename Simd>
Curve<Simd> silu(typename Simd::Floats z) {
  using Floats = typename Simd::Floats;
  const Floats one = Simd::set(1.0F);
  const Floats sigmoid = Simd::reciprocal(one + exp<Simd>(-z));
  return {z * sigmoid, sigmoid * (one + z * (one - sigmoid))};
}

template <typename Simd>
Curve<Simd> gelu(typename Simd::Floats z) {
  using Floats = typename Simd::Floats;
  const Floats half = Simd::set(0.5F);
  const Floats cdf = half + half * erf<Simd>(z * Simd::set(0.70710678118654752F));
  const Floats density = Simd::set(0.39894228040143268F) * exp<Simd>(z * z * Simd::set(-0.5F));
  return {z * cdf, cdf + z * density};
}

template <typename Simd>
Curve<Simd> squared_relu(typename Simd::Floats z) {
  const typename Simd::Floats positive = Simd::max(0.0F, z);
  return {positive * positive, positive + positive};
}

template <typename Simd, Activation kActivation>
Curve<Simd> curve(typename Simd::Floats z) {
  if constexpr (kActivation == Activation::kSwiGlu) {
    return silu<Simd>(z);
  } else if constexpr (kActivation == Activation::kSquaredRelu) {
    return squared_relu<Simd>(z);
  } else {
    return gelu<Simd>(z);
  }
}

}  // namespace
}  // namespace hecaton::kernels::detail
