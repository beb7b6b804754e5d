// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/detail/linear_cross_entropy.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/check.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "models/ignored_target.h"
#include "models/loss_chunk.h"

namespace hecaton::models::detail {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// What is wanted beside the loss; undefined where it is not.
struct Grads {
  at::Tensor dx_TD;
  at::Tensor dweight_VD;  ///< float32 (float64)
};

/// Turns logits into the gradients of their loss. log_total_T1: of each token's exponentials.
void differentiate(at::Tensor& logit_TV,
                   const at::Tensor& log_total_T1,
                   const at::Tensor& target_T1,
                   const at::Tensor& ignored_T1) {
  logit_TV.sub_(log_total_T1).exp_();
  logit_TV.scatter_add_(1, target_T1, at::full(target_T1.sizes(), -1.0, logit_TV.options()));
  logit_TV.masked_fill_(ignored_T1, 0.0);
}

/// The summed loss of some tokens, which are rows [first, first + x_TD.size(0)) of grads.dx_TD.
at::Tensor chunk_loss(const at::Tensor& x_TD,
                      const at::Tensor& weight_VD,
                      const at::Tensor& target_T,
                      int64_t first,
                      Grads& grads) {
  const at::Tensor ignored_T1 = target_T.eq(kIgnoredTarget).unsqueeze(1);
  const at::Tensor target_T1 = target_T.unsqueeze(1).masked_fill(ignored_T1, 0);
  at::Tensor logit_TV = at::linear(x_TD, weight_VD).to(accumulation_dtype(x_TD.scalar_type()));
  const at::Tensor log_total_T1 = at::logsumexp(logit_TV, 1, /*keepdim=*/true);
  const at::Tensor loss_T1 = log_total_T1 - logit_TV.gather(1, target_T1);
  if (grads.dx_TD.defined() || grads.dweight_VD.defined()) {
    differentiate(logit_TV, log_total_T1, target_T1, ignored_T1);
    const at::Tensor dlogit_TV = logit_TV.to(x_TD.scalar_type());
    if (grads.dx_TD.defined()) {
      at::Tensor dx_TD = grads.dx_TD.narrow(0, first, x_TD.size(0));
      at::mm_out(dx_TD, dlogit_TV, weight_VD);
    }
    if (grads.dweight_VD.defined() && weight_VD.scalar_type() == logit_TV.scalar_type()) {
      grads.dweight_VD.addmm_(dlogit_TV.t(), x_TD);
    } else if (grads.dweight_VD.defined()) {
      grads.dweight_VD.add_(at::mm(dlogit_TV.t(), x_TD));
    }
  }
  return loss_T1.masked_fill(ignored_T1, 0.0).sum();
}

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x_TD,
                            const at::Tensor& weight_VD,
                            const at::Tensor& target_T,
                            bool wants_dx,
                            bool wants_dweight) {
    HECATON_TRACE_RANGE("models.linear_cross_entropy");
    const auto options = x_TD.options().dtype(accumulation_dtype(x_TD.scalar_type()));
    Grads grads;
    if (wants_dx) {
      grads.dx_TD = at::empty_like(x_TD);
    }
    if (wants_dweight) {
      grads.dweight_VD = at::zeros(weight_VD.sizes(), options);
    }
    at::Tensor loss = at::zeros({}, options);
    const int64_t T = x_TD.size(0);
    for (int64_t first = 0; first < T; first += kTokensPerLossChunk) {
      const int64_t count = std::min(kTokensPerLossChunk, T - first);
      loss.add_(chunk_loss(
          x_TD.narrow(0, first, count), weight_VD, target_T.narrow(0, first, count), first, grads));
    }
    ctx->save_for_backward({grads.dx_TD, grads.dweight_VD});
    ctx->saved_data["dtype"] = x_TD.scalar_type();
    return loss;
  }

  static variable_list backward(AutogradContext* ctx, variable_list dloss) {
    HECATON_CHECK(!at::GradMode::is_enabled(), "a loss can be differentiated once, not twice");
    const at::ScalarType dtype = ctx->saved_data["dtype"].toScalarType();
    variable_list grads = ctx->get_saved_variables();
    for (at::Tensor& grad : grads) {
      if (grad.defined()) {
        at::Tensor product = at::empty(grad.sizes(), grad.options().dtype(dtype));
        at::mul_out(product, grad, dloss[0]);
        grad = product;
      }
    }
    // Nothing for the targets and for what is wanted.
    return {grads[0], grads[1], at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor linear_cross_entropy(const at::Tensor& x_TD,
                                const at::Tensor& weight_VD,
                                const at::Tensor& target_T) {
  const bool is_recorded = at::GradMode::is_enabled();
  return LinearCrossEntropy::apply(x_TD,
                                   weight_VD,
                                   target_T,
                                   is_recorded && x_TD.requires_grad(),
                                   is_recorded && weight_VD.requires_grad());
}

}  // namespace hecaton::models::detail
