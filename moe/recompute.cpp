// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/recompute.h"

#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "core/check.h"
#include "core/trace.h"

namespace hecaton::moe {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct ForwardState : torch::CustomClassHolder {
  explicit ForwardState(RepeatableForward f) : forward(std::move(f)) {}
  RepeatableForward forward;
};

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static at::Tensor forward(AutogradContext* ctx,
                            const at::Tensor& x,
                            at::TensorList weights,
                            const RepeatableForward& repeatable) {
    variable_list to_save = {x};
    to_save.insert(to_save.end(), weights.begin(), weights.end());
    ctx->save_for_backward(std::move(to_save));
    ctx->saved_data["state"] =
        c10::IValue::make_capsule(c10::make_intrusive<ForwardState>(repeatable));
    return repeatable(x, /*is_again=*/false);
  }

  static variable_list backward(AutogradContext* ctx, variable_list dy) {
    HECATON_CHECK(!at::GradMode::is_enabled(),
                  "a recomputed module can be differentiated once, not twice");
    HECATON_TRACE_RANGE("recompute");
    variable_list inputs = ctx->get_saved_variables();
    inputs[0] = inputs[0].detach().requires_grad_(inputs[0].requires_grad());
    const auto capsule = ctx->saved_data["state"].toCapsule();
    variable_list grads =
        gradients(static_cast<ForwardState*>(capsule.get())->forward, inputs, dy[0]);
    grads.emplace_back();  // of `repeatable`, which is no tensor
    return grads;
  }

 private:
  static variable_list gradients(const RepeatableForward& repeatable,
                                 const variable_list& inputs,
                                 const at::Tensor& dy) {
    const at::AutoGradMode record(true);
    const at::Tensor y = repeatable(inputs[0], /*is_again=*/true);
    variable_list trained;
    for (const at::Tensor& input : inputs) {
      if (input.requires_grad()) {
        trained.push_back(input);
      }
    }
    const variable_list found = torch::autograd::grad({y},
                                                      trained,
                                                      {dy},
                                                      /*retain_graph=*/false,
                                                      /*create_graph=*/false,
                                                      /*allow_unused=*/true);
    variable_list grads;
    auto next = found.begin();
    for (const at::Tensor& input : inputs) {
      grads.push_back(input.requires_grad() ? *next++ : at::Tensor());
    }
    return grads;
  }
};

}  // namespace

at::Tensor recompute(const RepeatableForward& forward,
                     const at::Tensor& x,
                     const std::vector<at::Tensor>& weights) {
  return RecomputeFunction::apply(x, at::TensorList(weights), forward);
}

}  // namespace hecaton::moe
