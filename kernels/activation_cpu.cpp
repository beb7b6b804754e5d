// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

#include "kernels/detail/cpu_kernels.h"

namespace hecaton::kernels::detail {
namespace {

constexpr int64_t kElementsPerTask = 1 << 13;  // some 10 us of work

template <typename Number>
struct Curve {
  Number value;
  Number slope;
};

template <typename Number>
Curve<Number> silu(Number z) {
  const Number sigmoid = Number{1} / (Number{1} + std::exp(-z));
  return {z * sigmoid, sigmoid * (Number{1} + z * (Number{1} - sigmoid))};
}

template <typename Number>
Curve<Number> gelu(Number z) {
  const Number cdf = Number{0.5} * (Number{1} + std::erf(z / std::numbers::sqrt2_v<Number>));
  const Number density = std::exp(Number{-0.5} * z * z) * std::numbers::inv_sqrtpi_v<Number> /
                         std::numbers::sqrt2_v<Number>;
  return {z * cdf, cdf + z * density};
}

template <typename Number>
Curve<Number> squared_relu(Number z) {
  const Number positive = std::max(z, Number{0});
  return {positive * positive, Number{2} * positive};
}

/// Calls body(curve) with the function that gives value and slope of the activation.
template <typename Number, typename Body>
void with_curve(Activation activation, const Body& body) {
  switch (activation) {
    case Activation::kSwiGlu:
      return body([](Number z) { return silu(z); });
    case Activation::kGeGlu:
    case Activation::kGelu:
      return body([](Number z) { return gelu(z); });
    case Activation::kSquaredRelu:
      return body([](Number z) { return squared_relu(z); });
  }
}

int64_t rows_per_task(int64_t G) {
  return std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, G));
}

template <typename Scalar>
struct BackwardRow {
  const Scalar* z_G;
  const Scalar* da_F;
  at::opmath_type<Scalar> score;
  Scalar* dz_G;
  Scalar* a_F;
};

/// One row; returns the gradient of its score.
template <typename Scalar, bool kIsGated, typename CurveOf>
at::opmath_type<Scalar> backward_row(const BackwardRow<Scalar>& row,
                                     int64_t F,
                                     const CurveOf& curve_of) {
  using Number = at::opmath_type<Scalar>;
  Number dscore = 0;
  for (int64_t f = 0; f < F; ++f) {
    const auto curve = curve_of(static_cast<Number>(row.z_G[f]));
    const Number up = kIsGated ? static_cast<Number>(row.z_G[F + f]) : Number{1};
    const Number da = static_cast<Number>(row.da_F[f]);
    const Number a = curve.value * up;
    dscore += da * a;
    row.a_F[f] = static_cast<Scalar>(row.score * a);
    row.dz_G[f] = static_cast<Scalar>(row.score * da * curve.slope * up);
    if constexpr (kIsGated) {
      row.dz_G[F + f] = static_cast<Scalar>(row.score * da * curve.value);
    }
  }
  return dscore;
}

}  // namespace

void activation_forward_cpu(const at::Tensor& z_RG, Activation activation, const at::Tensor& a_RF) {
  const int64_t F = a_RF.size(1);
  const int64_t R = z_RG.size(0);
  const int64_t G = z_RG.size(1);
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, z_RG.scalar_type(), "activation_forward", [&] {
        using Number = at::opmath_type<scalar_t>;
        const scalar_t* z = z_RG.const_data_ptr<scalar_t>();
        scalar_t* a = a_RF.data_ptr<scalar_t>();
        with_curve<Number>(activation, [&](auto curve_of) {
          at::parallel_for(0, R, rows_per_task(G), [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
              const scalar_t* z_G = z + r * G;
              for (int64_t f = 0; f < F; ++f) {
                const Number up = G == F ? Number{1} : static_cast<Number>(z_G[F + f]);
                a[r * F + f] =
                    static_cast<scalar_t>(curve_of(static_cast<Number>(z_G[f])).value * up);
              }
            }
          });
        });
      });
}

void activation_backward_cpu(const at::Tensor& z_RG,
                             const at::Tensor& da_RF,
                             const at::Tensor& score_R,
                             Activation activation,
                             const ActivationGrads& grads) {
  const int64_t F = da_RF.size(1);
  const int64_t R = z_RG.size(0);
  const int64_t G = z_RG.size(1);
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, z_RG.scalar_type(), "activation_backward", [&] {
        using Number = at::opmath_type<scalar_t>;
        const scalar_t* z = z_RG.const_data_ptr<scalar_t>();
        const scalar_t* da = da_RF.const_data_ptr<scalar_t>();
        const Number* score = score_R.const_data_ptr<Number>();
        scalar_t* dz = grads.dz_RG.data_ptr<scalar_t>();
        scalar_t* a = grads.a_RF.data_ptr<scalar_t>();
        Number* dscore = grads.dscore_R.data_ptr<Number>();
        with_curve<Number>(activation, [&](auto curve_of) {
          at::parallel_for(0, R, rows_per_task(G), [&](int64_t begin, int64_t end) {
            for (int64_t r = begin; r < end; ++r) {
              const BackwardRow<scalar_t> row{
                  z + r * G, da + r * F, score[r], dz + r * G, a + r * F};
              dscore[r] = G == F ? backward_row<scalar_t, false>(row, F, curve_of)
                                 : backward_row<scalar_t, true>(row, F, curve_of);
            }
          });
        });
      });
}

}  // namespace hecaton::kernels::detail
