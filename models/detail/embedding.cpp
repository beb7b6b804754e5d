// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/detail/embedding.h"

#include <utility>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "core/check.h"
#include "core/shapes.h"

namespace hecaton::models::detail {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A sink on its way from forward to backward.
struct SinkHolder : torch::CustomClassHolder {
  explicit SinkHolder(GradSink held) : sink(std::move(held)) {}
  GradSink sink;
};

struct EmbeddingFunction : torch::autograd::Function<EmbeddingFunction> {
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& weight_VD,
                            const at::Tensor& token,
                            const GradSink& sink) {
    ctx->save_for_backward({token});
    ctx->saved_data["sizes"] = weight_VD.sizes();
    ctx->saved_data["dtype"] = weight_VD.scalar_type();
    ctx->saved_data["sink"] = c10::IValue::make_capsule(c10::make_intrusive<SinkHolder>(sink));
    return at::embedding(weight_VD, token);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    HECATON_CHECK(!at::GradMode::is_enabled(),
                  "an embedding can be differentiated once, not twice");
    const std::vector<int64_t> sizes = ctx->saved_data["sizes"].toIntVector();
    const at::ScalarType dtype = ctx->saved_data["dtype"].toScalarType();
    const at::ScalarType accumulation = accumulation_dtype(dtype);
    const auto capsule = ctx->saved_data["sink"].toCapsule();
    GradSink& sink = static_cast<SinkHolder*>(capsule.get())->sink;
    at::Tensor grad_VD =
        sink.is_set() ? sink.sum() : at::zeros(sizes, at::TensorOptions().dtype(accumulation));
    const at::Tensor token_T = ctx->get_saved_variables()[0].reshape({-1});
    grad_VD.index_add_(0, token_T, grads[0].reshape({-1, sizes[1]}).to(accumulation));
    // Nothing for the tokens and for the sink.
    return {sink.is_set() ? at::Tensor() : grad_VD.to(dtype), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor embedding(const at::Tensor& weight_VD, const at::Tensor& token, const GradSink& sink) {
  return EmbeddingFunction::apply(weight_VD, token, sink);
}

}  // namespace hecaton::models::detail
