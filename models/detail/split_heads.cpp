// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/detail/split_heads.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/sin.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/check.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "models/attention.h"
#include "models/detail/norm_rows.h"
#include "models/detail/row_blocks.h"

namespace hecaton::models::detail {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// [Q, C]: the cosines of each position's C / 2 angles, then their sines.
at::Tensor rotation_table(int64_t first_position,
                          int64_t Q,
                          const HeadLayout& layout,
                          at::ScalarType dtype) {
  const int64_t half = layout.head_dim / 2;
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor frequency =
      at::pow(layout.rope_theta, at::arange(half, options) / (-static_cast<double>(half)));
  const at::Tensor angle =
      at::outer(at::arange(first_position, first_position + Q, options), frequency);
  return at::cat({at::cos(angle), at::sin(angle)}, 1).to(dtype);
}

/// One token's part of the work, on rows of one head each.
template <typename Scalar>
struct TokenHeads {
  using Number = at::opmath_type<Scalar>;

  int64_t C;
  double eps;
  const Number* table_QC;

  /// y = rotate(normed x); weight_C: null for no norm. scratch_C: C numbers.
  void forward(const Scalar* x_C,
               const Scalar* weight_C,
               int64_t position,
               Number* scratch_C,
               Scalar* y_C) const {
    if (weight_C == nullptr) {
      for (int64_t c = 0; c < C; ++c) {
        scratch_C[c] = static_cast<Number>(x_C[c]);
      }
    } else {
      NormRow<Scalar>{weight_C, C, eps}.forward(x_C, scratch_C);
    }
    const int64_t half = C / 2;
    const Number* cos = table_QC + position * C;
    const Number* sin = cos + half;
    for (int64_t c = 0; c < half; ++c) {
      const Number first = scratch_C[c];
      const Number second = scratch_C[half + c];
      y_C[c] = static_cast<Scalar>(first * cos[c] - second * sin[c]);
      y_C[half + c] = static_cast<Scalar>(second * cos[c] + first * sin[c]);
    }
  }

  /// Writes the gradient of x and adds that of the norm's weight.
  void backward(const Scalar* x_C,
                const Scalar* weight_C,
                const Scalar* dy_C,
                int64_t position,
                Number* scratch_C,
                Scalar* dx_C,
                Number* dweight_C) const {
    const int64_t half = C / 2;
    const Number* cos = table_QC + position * C;
    const Number* sin = cos + half;
    for (int64_t c = 0; c < half; ++c) {
      const auto first = static_cast<Number>(dy_C[c]);
      const auto second = static_cast<Number>(dy_C[half + c]);
      scratch_C[c] = first * cos[c] + second * sin[c];
      scratch_C[half + c] = second * cos[c] - first * sin[c];
    }
    if (weight_C != nullptr) {
      NormRow<Scalar>{weight_C, C, eps}.backward(x_C, scratch_C, dx_C, dweight_C);
      return;
    }
    for (int64_t c = 0; c < C; ++c) {
      dx_C[c] = static_cast<Scalar>(scratch_C[c]);
    }
  }
};

template <typename Scalar>
const Scalar* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<Scalar>() : nullptr;
}

struct SplitHeads : torch::autograd::Function<SplitHeads> {
  static variable_list forward(AutogradContext* ctx,
                               const at::Tensor& projected,
                               const std::optional<at::Tensor>& q_norm,
                               const std::optional<at::Tensor>& k_norm,
                               const HeadLayout& layout,
                               int64_t first_position) {
    HECATON_TRACE_RANGE("models.split_heads");
    const at::Tensor q_norm_C = q_norm.value_or(at::Tensor());
    const at::Tensor k_norm_C = k_norm.value_or(at::Tensor());
    const at::Tensor projected_BQN = projected.contiguous();
    const int64_t B = projected_BQN.size(0);
    const int64_t Q = projected_BQN.size(1);
    const int64_t N = projected_BQN.size(2);
    const int64_t C = layout.head_dim;
    const int64_t H = layout.num_heads;
    const int64_t num_kv = layout.num_kv_heads;
    const at::ScalarType dtype = projected.scalar_type();
    const at::Tensor table_QC =
        rotation_table(first_position, Q, layout, accumulation_dtype(dtype));
    variable_list heads = {at::empty({B, Q, H, C}, projected.options()),
                           at::empty({B, Q, num_kv, C}, projected.options()),
                           at::empty({B, Q, num_kv, C}, projected.options())};
    AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, dtype, "split_heads", [&] {
      using Number = at::opmath_type<scalar_t>;
      const TokenHeads<scalar_t> token{C, layout.norm_eps, table_QC.const_data_ptr<Number>()};
      const auto* from = projected_BQN.const_data_ptr<scalar_t>();
      const auto* q_weight = data_or_null<scalar_t>(q_norm_C);
      const auto* k_weight = data_or_null<scalar_t>(k_norm_C);
      auto* query = heads[0].mutable_data_ptr<scalar_t>();
      auto* key = heads[1].mutable_data_ptr<scalar_t>();
      auto* value = heads[2].mutable_data_ptr<scalar_t>();
      at::parallel_for(0, B * Q, kElementsPerTask / N + 1, [&](int64_t begin, int64_t end) {
        std::vector<Number> scratch(static_cast<size_t>(C));
        for (int64_t t = begin; t < end; ++t) {
          const scalar_t* row = from + t * N;
          for (int64_t h = 0; h < H; ++h) {
            token.forward(row + h * C, q_weight, t % Q, scratch.data(), query + (t * H + h) * C);
          }
          for (int64_t h = 0; h < num_kv; ++h) {
            token.forward(
                row + (H + h) * C, k_weight, t % Q, scratch.data(), key + (t * num_kv + h) * C);
          }
          std::copy_n(row + (H + num_kv) * C, num_kv * C, value + t * num_kv * C);
        }
      });
    });
    const bool has_norm = q_norm_C.defined() || k_norm_C.defined();
    ctx->save_for_backward({has_norm ? projected_BQN : at::Tensor(), q_norm_C, k_norm_C, table_QC});
    ctx->saved_data["eps"] = layout.norm_eps;
    return heads;
  }

  static variable_list backward(AutogradContext* ctx, variable_list dheads) {
    HECATON_CHECK(!at::GradMode::is_enabled(),
                  "queries, keys and values can be differentiated once, not twice");
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor dquery_BQHC = dheads[0].contiguous();
    const at::Tensor dkey_BQHC = dheads[1].contiguous();
    const at::Tensor dvalue_BQHC = dheads[2].contiguous();
    const int64_t B = dquery_BQHC.size(0);
    const int64_t Q = dquery_BQHC.size(1);
    const int64_t H = dquery_BQHC.size(2);
    const int64_t C = dquery_BQHC.size(3);
    const int64_t num_kv = dkey_BQHC.size(2);
    const int64_t N = (H + 2 * num_kv) * C;
    const at::ScalarType dtype = dquery_BQHC.scalar_type();
    at::Tensor dprojected_BQN = at::empty({B, Q, N}, dquery_BQHC.options());
    at::Tensor dnorm_2C;
    AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, dtype, "split_heads", [&] {
      using Number = at::opmath_type<scalar_t>;
      const TokenHeads<scalar_t> token{
          C, ctx->saved_data["eps"].toDouble(), saved[3].const_data_ptr<Number>()};
      const auto* from = data_or_null<scalar_t>(saved[0]);
      const auto* q_norm = data_or_null<scalar_t>(saved[1]);
      const auto* k_norm = data_or_null<scalar_t>(saved[2]);
      const auto* dquery = dquery_BQHC.const_data_ptr<scalar_t>();
      const auto* dkey = dkey_BQHC.const_data_ptr<scalar_t>();
      const auto* dvalue = dvalue_BQHC.const_data_ptr<scalar_t>();
      auto* to = dprojected_BQN.mutable_data_ptr<scalar_t>();
      dnorm_2C = sum_over_row_blocks<Number>(
          B * Q, 2 * C, accumulation_dtype(dtype), [&](int64_t begin, int64_t end, Number* sum_2C) {
            std::vector<Number> scratch(static_cast<size_t>(C));
            for (int64_t t = begin; t < end; ++t) {
              const auto head =
                  [&](int64_t h, const scalar_t* norm, const scalar_t* grad, Number* sum) {
                    const int64_t offset = t * N + h * C;
                    token.backward(from == nullptr ? nullptr : from + offset,
                                   norm,
                                   grad,
                                   t % Q,
                                   scratch.data(),
                                   to + offset,
                                   sum);
                  };
              for (int64_t h = 0; h < H; ++h) {
                head(h, q_norm, dquery + (t * H + h) * C, sum_2C);
              }
              for (int64_t h = 0; h < num_kv; ++h) {
                head(H + h, k_norm, dkey + (t * num_kv + h) * C, sum_2C + C);
              }
              std::copy_n(dvalue + t * num_kv * C, num_kv * C, to + t * N + (H + num_kv) * C);
            }
          });
    });
    const auto norm_grad = [&](const at::Tensor& weight, int64_t first) {
      return weight.defined() ? dnorm_2C.narrow(0, first, C).to(dtype) : at::Tensor();
    };
    // Nothing for the layout and the position.
    return {
        dprojected_BQN, norm_grad(saved[1], 0), norm_grad(saved[2], C), at::Tensor(), at::Tensor()};
  }

 private:
  static constexpr int64_t kElementsPerTask = 1 << 14;
};

}  // namespace

Heads split_heads(const at::Tensor& projected_BQN,
                  const at::Tensor& q_norm_C,
                  const at::Tensor& k_norm_C,
                  const HeadLayout& layout,
                  int64_t first_position) {
  if (!projected_BQN.is_cpu()) {
    return split_heads_ref(projected_BQN, q_norm_C, k_norm_C, layout, first_position);
  }
  const int64_t C = layout.head_dim;
  check_shape(
      "projected_BQN", projected_BQN, {-1, -1, (layout.num_heads + 2 * layout.num_kv_heads) * C});
  const auto optional = [&](const at::Tensor& weight_C) -> std::optional<at::Tensor> {
    if (!weight_C.defined()) {
      return std::nullopt;
    }
    check_shape("norm_C", weight_C, {C});
    check_dtype("norm_C", weight_C, projected_BQN.scalar_type());
    return weight_C.contiguous();
  };
  const variable_list heads = SplitHeads::apply(
      projected_BQN, optional(q_norm_C), optional(k_norm_C), layout, first_position);
  return {heads[0].transpose(1, 2), heads[1].transpose(1, 2), heads[2].transpose(1, 2)};
}

Heads split_heads_ref(const at::Tensor& projected_BQN,
                      const at::Tensor& q_norm_C,
                      const at::Tensor& k_norm_C,
                      const HeadLayout& layout,
                      int64_t first_position) {
  const int64_t C = layout.head_dim;
  const int64_t num_kv = layout.num_kv_heads;
  const std::vector<at::Tensor> parts =
      projected_BQN.split_with_sizes({layout.num_heads * C, num_kv * C, num_kv * C}, -1);
  const auto heads = [&](const at::Tensor& part_BQN, int64_t num_heads) {
    return part_BQN.contiguous()
        .view({part_BQN.size(0), part_BQN.size(1), num_heads, C})
        .transpose(1, 2);
  };
  const auto rotated = [&](at::Tensor part_BHQC, const at::Tensor& norm_C) {
    if (norm_C.defined()) {
      part_BHQC = at::rms_norm(part_BHQC, {C}, norm_C, layout.norm_eps);
    }
    return rotate(part_BHQC, first_position, layout.rope_theta);
  };
  return {rotated(heads(parts[0], layout.num_heads), q_norm_C),
          rotated(heads(parts[1], num_kv), k_norm_C),
          heads(parts[2], num_kv)};
}

}  // namespace hecaton::models::detail
