// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/detail/rms_norm.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/rms_norm.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/check.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "models/detail/norm_rows.h"
#include "models/detail/row_blocks.h"

namespace hecaton::models::detail {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kElementsPerTask = 1 << 14;

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x,
                            const at::Tensor& weight_D,
                            double eps) {
    HECATON_TRACE_RANGE("models.rms_norm");
    const at::Tensor x_TD = x.contiguous();
    at::Tensor y_TD = at::empty_like(x_TD);
    const int64_t D = weight_D.size(0);
    const int64_t T = x_TD.numel() / D;
    AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x.scalar_type(), "rms_norm", [&] {
      const NormRow<scalar_t> row{weight_D.const_data_ptr<scalar_t>(), D, eps};
      const auto* from = x_TD.const_data_ptr<scalar_t>();
      auto* to = y_TD.mutable_data_ptr<scalar_t>();
      at::parallel_for(0, T, kElementsPerTask / D + 1, [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
          row.forward(from + t * D, to + t * D);
        }
      });
    });
    ctx->save_for_backward({x_TD, weight_D});
    ctx->saved_data["eps"] = eps;
    return y_TD;
  }

  static variable_list backward(AutogradContext* ctx, variable_list dy) {
    HECATON_CHECK(!at::GradMode::is_enabled(), "a norm can be differentiated once, not twice");
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor& x_TD = saved[0];
    const at::Tensor& weight_D = saved[1];
    const double eps = ctx->saved_data["eps"].toDouble();
    const at::Tensor dy_TD = dy[0].contiguous();
    at::Tensor dx_TD = at::empty_like(x_TD);
    at::Tensor dweight_D;
    const int64_t D = weight_D.size(0);
    const int64_t T = x_TD.numel() / D;
    AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, x_TD.scalar_type(), "rms_norm", [&] {
      using Number = at::opmath_type<scalar_t>;
      const NormRow<scalar_t> row{weight_D.const_data_ptr<scalar_t>(), D, eps};
      const auto* x = x_TD.const_data_ptr<scalar_t>();
      const auto* grad = dy_TD.const_data_ptr<scalar_t>();
      auto* dx = dx_TD.mutable_data_ptr<scalar_t>();
      dweight_D =
          sum_over_row_blocks<Number>(T,
                                      D,
                                      accumulation_dtype(x_TD.scalar_type()),
                                      [&](int64_t begin, int64_t end, Number* sum_D) {
                                        for (int64_t t = begin; t < end; ++t) {
                                          row.backward(x + t * D, grad + t * D, dx + t * D, sum_D);
                                        }
                                      });
    });
    return {dx_TD, dweight_D.to(weight_D.scalar_type()), at::Tensor()};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double eps) {
  if (!x.is_cpu()) {
    return at::rms_norm(x, {weight_D.size(0)}, weight_D, eps);
  }
  check_shape("weight_D", weight_D, {x.size(-1)});
  check_dtype("weight_D", weight_D, x.scalar_type());
  return RmsNorm::apply(x, weight_D.contiguous(), eps);
}

}  // namespace hecaton::models::detail
