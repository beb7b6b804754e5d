// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cmath>
#include <cstdint>

#include <ATen/OpMathType.h>

namespace hecaton::models::detail {

/// RMSNorm of one row of D numbers: y = x * rstd * weight, rstd = 1 / sqrt(mean(x^2) + eps).
/// Sums in float32 (float64); the order of a sum depends on D alone.
template <typename Scalar>
struct NormRow {
  using Number = at::opmath_type<Scalar>;

  const Scalar* weight_D;
  int64_t D;
  double eps;

  Number rstd(const Scalar* x_D) const {
    Number sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < D; ++d) {
      const auto x = static_cast<Number>(x_D[d]);
      sum += x * x;
    }
    return Number{1} / std::sqrt(sum / static_cast<Number>(D) + static_cast<Number>(eps));
  }

  /// y may have another type than x: Number where the row goes on being computed.
  template <typename Output>
  void forward(const Scalar* x_D, Output* y_D) const {
    const Number factor = rstd(x_D);
    for (int64_t d = 0; d < D; ++d) {
      const Number y = static_cast<Number>(x_D[d]) * factor * static_cast<Number>(weight_D[d]);
      y_D[d] = static_cast<Output>(y);
    }
  }

  /// Writes the gradient of x and adds that of the weight.
  template <typename Input>
  void backward(const Scalar* x_D, const Input* dy_D, Scalar* dx_D, Number* dweight_D) const {
    const Number factor = rstd(x_D);
    Number dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t d = 0; d < D; ++d) {
      dot += static_cast<Number>(dy_D[d]) * static_cast<Number>(weight_D[d]) *
             static_cast<Number>(x_D[d]);
    }
    const Number mean = dot * factor * factor / static_cast<Number>(D);
    for (int64_t d = 0; d < D; ++d) {
      const auto x = static_cast<Number>(x_D[d]);
      const auto dy = static_cast<Number>(dy_D[d]);
      const Number dx = factor * (dy * static_cast<Number>(weight_D[d]) - x * mean);
      dx_D[d] = static_cast<Scalar>(dx);
      dweight_D[d] += dy * x * factor;
    }
  }
};

}  // namespace hecaton::models::detail
