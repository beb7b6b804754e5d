// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/OpMathType.h>
#include <ATen/Parallel.h>

#include "kernels/detail/cpu_kernels.h"

namespace hecaton::kernels::detail {
namespace {

constexpr int64_t kElementsPerTask = 1 << 14;  // some 10 us of work

struct CombineSizes {
  int64_t T;
  int64_t D;
  int64_t K;
};

template <typename Scalar>
void combine(const CombineSizes& sizes,
             const Scalar* rows,
             const int32_t* row_of_slot,
             const at::opmath_type<Scalar>* weight,
             Scalar* out) {
  using Sum = at::opmath_type<Scalar>;
  const int64_t D = sizes.D;
  const int64_t K = sizes.K;
  const int64_t grain = std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, D * K));
  at::parallel_for(0, sizes.T, grain, [=](int64_t begin, int64_t end) {
    std::vector<Sum> sum_D(static_cast<size_t>(D));
    for (int64_t t = begin; t < end; ++t) {
      std::fill(sum_D.begin(), sum_D.end(), Sum{0});
      for (int64_t slot = t * K; slot < (t + 1) * K; ++slot) {
        if (row_of_slot[slot] < 0) {
          continue;
        }
        const Scalar* row_D = rows + row_of_slot[slot] * D;
        const Sum factor = weight == nullptr ? Sum{1} : weight[slot];
        for (int64_t d = 0; d < D; ++d) {
          sum_D[static_cast<size_t>(d)] += factor * static_cast<Sum>(row_D[d]);
        }
      }
      std::copy(sum_D.begin(), sum_D.end(), out + t * D);
    }
  });
}

}  // namespace

void combine_rows_cpu(const at::Tensor& rows_RD,
                      const at::Tensor& row_of_slot_TK,
                      const at::Tensor& weight_TK,
                      const at::Tensor& out_TD) {
  const CombineSizes sizes{row_of_slot_TK.size(0), rows_RD.size(1), row_of_slot_TK.size(1)};
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
