// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/cuda_kernels.h"
#include "kernels/detail/rows.cuh"

namespace hecaton::kernels::detail {
namespace {

template <Activation kActivation>
constexpr bool kIsGated = is_gated(kActivation);

template <typename Number>
struct Curve {
  Number value;
  Number slope;
};

/// Value and slope of the activation, applied to the gate or to z itself.
template <Activation kActivation, typename Number>
__device__ Curve<Number> curve_of(Number z) {
  if constexpr (kActivation == Activation::kSwiGlu) {
    const Number sigmoid = Number{1} / (Number{1} + exp(-z));
    return {z * sigmoid, sigmoid * (Number{1} + z * (Number{1} - sigmoid))};
  } else if constexpr (kActivation == Activation::kSquaredRelu) {
    const Number positive = z < Number{0} ? Number{0} : z;  // NaN stays NaN
    return {positive * positive, Number{2} * positive};
  } else {
    constexpr Number kInverseSqrt2 = static_cast<Number>(0.70710678118654752440);
    constexpr Number kInverseSqrt2Pi = static_cast<Number>(0.39894228040143267794);
    const Number cdf = Number{0.5} * (Number{1} + erf(z * kInverseSqrt2));
    return {z * cdf, cdf + z * kInverseSqrt2Pi * exp(Number{-0.5} * z * z)};
  }
}

template <typename Scalar, int kWidth, Activation kActivation>
__global__ void forward_kernel(ActivationForwardArguments arguments) {
  using Number = Math<Scalar>;
  using RowPack = Pack<Scalar, kWidth>;
  const auto* z = static_cast<const RowPack*>(arguments.z_RG);
  auto* a = static_cast<RowPack*>(arguments.a_RF);
  const int64_t F = arguments.F / kWidth;  // in packs, as G
  const int64_t G = kIsGated<kActivation> ? 2 * F : F;
  for (int64_t r = warp_idx(); r < arguments.R; r += num_warps()) {
    for (int64_t f = threadIdx.x; f < F; f += kWarpSize) {
      const RowPack gate = z[r * G + f];
      RowPack up;
      if constexpr (kIsGated<kActivation>) {
        up = z[r * G + F + f];
      }
      RowPack result;
      for (int j = 0; j < kWidth; ++j) {
        Number value = curve_of<kActivation>(static_cast<Number>(gate.values[j])).value;
        if constexpr (kIsGated<kActivation>) {
          value *= static_cast<Number>(up.values[j]);
        }
        result.values[j] = static_cast<Scalar>(value);
      }
      a[r * F + f] = result;
    }
  }
}

/// The sum over the lanes of a warp, in an order that is always the same.
template <typename Number>
__device__ Number warp_sum(Number value) {
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(kWholeWarp, value, distance);
  }
  return value;
}

template <typename Scalar, int kWidth, Activation kActivation>
__global__ void backward_kernel(ActivationBackwardArguments arguments) {
  using Number = Math<Scalar>;
  using RowPack = Pack<Scalar, kWidth>;
  const auto* z = static_cast<const RowPack*>(arguments.z_RG);
  const auto* da = static_cast<const RowPack*>(arguments.da_RF);
  auto* dz = static_cast<RowPack*>(arguments.dz_RG);
  auto* a = static_cast<RowPack*>(arguments.a_RF);
  const int64_t F = arguments.F / kWidth;  // in packs, as G
  const int64_t G = kIsGated<kActivation> ? 2 * F : F;
  for (int64_t r = warp_idx(); r < arguments.R; r += num_warps()) {
    const Number score = static_cast<const Number*>(arguments.score_R)[r];
    Number dscore = 0;
    for (int64_t f = threadIdx.x; f < F; f += kWarpSize) {
      const RowPack gate_pack = z[r * G + f];
      const RowPack da_pack = da[r * F + f];
      RowPack up_pack;
      RowPack dgate_pack;
      RowPack dup_pack;
      RowPack a_pack;
      if constexpr (kIsGated<kActivation>) {
        up_pack = z[r * G + F + f];
      }
      for (int j = 0; j < kWidth; ++j) {
        const auto curve = curve_of<kActivation>(static_cast<Number>(gate_pack.values[j]));
        const auto grad = static_cast<Number>(da_pack.values[j]);
        Number up = 1;
        if constexpr (kIsGated<kActivation>) {
          up = static_cast<Number>(up_pack.values[j]);
          dup_pack.values[j] = static_cast<Scalar>(score * grad * curve.value);
        }
        const Number activated = curve.value * up;
        dscore += grad * activated;
        a_pack.values[j] = static_cast<Scalar>(score * activated);
        dgate_pack.values[j] = static_cast<Scalar>(score * grad * curve.slope * up);
      }
      a[r * F + f] = a_pack;
      dz[r * G + f] = dgate_pack;
      if constexpr (kIsGated<kActivation>) {
        dz[r * G + F + f] = dup_pack;
      }
    }
    dscore = warp_sum(dscore);
    if (threadIdx.x == 0) {
      static_cast<Number*>(arguments.dscore_R)[r] = dscore;
    }
  }
}

/// A value as a type, so that it can be a template argument.
template <Activation kActivation>
struct Constant {
  static constexpr Activation kValue = kActivation;
};

/// Calls body(Scalar{}, Constant<activation>{}).
template <typename Body>
void with_types(FloatType type, Activation activation, const Body& body) {
  with_scalar(type, [&](auto zero) {
    switch (activation) {
      case Activation::kSwiGlu:
        return body(zero, Constant<Activation::kSwiGlu>{});
      case Activation::kGeGlu:
        return body(zero, Constant<Activation::kGeGlu>{});
      case Activation::kGelu:
        return body(zero, Constant<Activation::kGelu>{});
      case Activation::kSquaredRelu:
        return body(zero, Constant<Activation::kSquaredRelu>{});
    }
  });
}

}  // namespace

void activation_forward_cuda(FloatType type,
                             Activation activation,
                             const ActivationForwardArguments& arguments,
                             Stream stream) {
  with_types(type, activation, [&](auto zero, auto constant) {
    using Scalar = decltype(zero);
    constexpr Activation kActivation = decltype(constant)::kValue;
    constexpr int kWidth = kPackBytes / sizeof(Scalar);
    const auto row_bytes = arguments.F * static_cast<int64_t>(sizeof(Scalar));
    const bool has_packs = fits(kPackBytes, row_bytes, arguments.z_RG, arguments.a_RF);
    auto* const kernel = has_packs ? forward_kernel<Scalar, kWidth, kActivation>
                                   : forward_kernel<Scalar, 1, kActivation>;
    kernel<<<warp_grid(arguments.R), warp_block(), 0, stream>>>(arguments);
    HECATON_CUDA(cudaGetLastError());
  });
}

void activation_backward_cuda(FloatType type,
                              Activation activation,
                              const ActivationBackwardArguments& arguments,
                              Stream stream) {
  with_types(type, activation, [&](auto zero, auto constant) {
    using Scalar = decltype(zero);
    constexpr Activation kActivation = decltype(constant)::kValue;
    constexpr int kWidth = kPackBytes / sizeof(Scalar);
    const auto row_bytes = arguments.F * static_cast<int64_t>(sizeof(Scalar));
    const bool has_packs = fits(
        kPackBytes, row_bytes, arguments.z_RG, arguments.da_RF, arguments.dz_RG, arguments.a_RF);
    auto* const kernel = has_packs ? backward_kernel<Scalar, kWidth, kActivation>
                                   : backward_kernel<Scalar, 1, kActivation>;
    kernel<<<warp_grid(arguments.R), warp_block(), 0, stream>>>(arguments);
    HECATON_CUDA(cudaGetLastError());
  });
}

}  // namespace hecaton::kernels::detail
