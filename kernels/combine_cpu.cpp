// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <array>
#include <cstddef>

#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

#include "kernels/detail/cpu_kernels.h"
#include "kernels/detail/kernel_choice.h"

namespace hecaton::kernels::detail {
namespace {

constexpr int64_t kElementsPerTask = 1 << 14;  // some 10 us of work
constexpr int64_t kWidth = 32;

struct CombineSizes {
  int64_t T;
  int64_t D;
  int64_t K;
};

/// Calls body(first, one past the last) for parts of the tokens, on several threads.
template <typename Body>
void for_each_token(const CombineSizes& sizes, const Body& body) {
  const int64_t per_token = std::max<int64_t>(1, sizes.D * sizes.K);
  at::parallel_for(0, sizes.T, std::max<int64_t>(1, kElementsPerTask / per_token), body);
}

/// Where a part of the result begins.
struct Place {
  int64_t t;
  int64_t d;
};

/// kSize numbers of one token, whose sums stay in registers.
template <int64_t kSize, typename Scalar>
void combine_part(const CombineSizes& sizes,
                  Place place,
                  const Scalar* rows,
                  const int32_t* row_of_slot,
                  const at::opmath_type<Scalar>* weight,
                  Scalar* out) {
  using Sum = at::opmath_type<Scalar>;
  std::array<Sum, kSize> sums{};
  for (int64_t slot = place.t * sizes.K; slot < (place.t + 1) * sizes.K; ++slot) {
    if (row_of_slot[slot] < 0) {
      continue;
    }
    const Scalar* row = rows + row_of_slot[slot] * sizes.D + place.d;
    const Sum factor = weight == nullptr ? Sum{1} : weight[slot];
    for (size_t i = 0; i < kSize; ++i) {
      sums[i] += factor * static_cast<Sum>(row[i]);
    }
  }
  std::copy(sums.begin(), sums.end(), out + place.t * sizes.D + place.d);
}

template <typename Scalar>
void combine(const CombineSizes& sizes,
             const Scalar* rows,
             const int32_t* row_of_slot,
             const at::opmath_type<Scalar>* weight,
             Scalar* out) {
  for_each_token(sizes, [=](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      int64_t d = 0;
      for (; d + kWidth <= sizes.D; d += kWidth) {
        combine_part<kWidth>(sizes, {t, d}, rows, row_of_slot, weight, out);
      }
      for (; d < sizes.D; ++d) {
        combine_part<1>(sizes, {t, d}, rows, row_of_slot, weight, out);
      }
    }
  });
}

}  // namespace

void combine_rows_cpu(const at::Tensor& rows_RD,
                      const at::Tensor& row_of_slot_TK,
                      const at::Tensor& weight_TK,
                      const at::Tensor& out_TD) {
  const CombineSizes sizes{row_of_slot_TK.size(0), rows_RD.size(1), row_of_slot_TK.size(1)};
  if (const KindKernels* kernels = own_kernels(rows_RD.scalar_type())) {
    CombineTask task{.D = sizes.D,
                     .K = sizes.K,
                     .rows_RD = rows_RD.const_data_ptr(),
                     .row_of_slot = row_of_slot_TK.const_data_ptr<int32_t>(),
                     .weight_TK = weight_TK.defined() ? weight_TK.const_data_ptr<float>() : nullptr,
                     .out_TD = out_TD.data_ptr()};
    for_each_token(sizes, [&task, kernels](int64_t begin, int64_t end) {
      CombineTask part = task;
      part.begin_T = begin;
      part.end_T = end;
      kernels->combine(part);
    });
    return;
  }
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, rows_RD.scalar_type(), "combine_rows", [&] {
        using Sum = at::opmath_type<scalar_t>;
        combine<scalar_t>(sizes,
                          rows_RD.const_data_ptr<scalar_t>(),
                          row_of_slot_TK.const_data_ptr<int32_t>(),
                          weight_TK.defined() ? weight_TK.const_data_ptr<Sum>() : nullptr,
                          out_TD.data_ptr<scalar_t>());
      });
}

void gather_values_cpu(const at::Tensor& value, const at::Tensor& idx, const at::Tensor& out) {
  AT_DISPATCH_FLOATING_TYPES(value.scalar_type(), "gather_values", [&] {
    const scalar_t* from = value.const_data_ptr<scalar_t>();
    const int32_t* position = idx.const_data_ptr<int32_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    for (int64_t i = 0; i < idx.numel(); ++i) {
      to[i] = position[i] < 0 ? scalar_t{0} : from[position[i]];
    }
  });
}

}  // namespace hecaton::kernels::detail
