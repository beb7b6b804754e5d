// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/top_k_router.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/check.h"
#include "core/config_faults.h"
#include "core/rng.h"
#include "core/shapes.h"
#include "core/trace.h"
#include "core/workspace.h"
#include "kernels/topk.h"
#include "moe/moe_layer_config.h"
#include "moe/registry.h"

namespace hecaton::moe {
namespace {

constexpr double kSmallestSum = 1e-20;  // DeepSeek-V3's code
constexpr double kNoLogit = -1e30;      // no weight after softmax and sigmoid, yet no NaN

/// `tensor` itself if it has that dtype, else a copy in memory that is kept.
at::Tensor converted(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.scalar_type() == dtype ? tensor
                                       : workspace_empty(tensor.sizes(), dtype).copy_(tensor);
}

/// x W^T in the dtype of W. Keeps x for backward as it is, which the experts keep too, and no copy
/// in that dtype.
struct LogitFunction : torch::autograd::Function<LogitFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx,
                            const at::Tensor& x_TD,
                            const at::Tensor& weight_ED) {
    ctx->save_for_backward({x_TD, weight_ED});
    return at::mm(converted(x_TD, weight_ED.scalar_type()), weight_ED.t());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    HECATON_CHECK(!at::GradMode::is_enabled(), "a router can be differentiated once, not twice");
    const torch::autograd::variable_list saved = ctx->get_saved_variables();
    const at::Tensor& x_TD = saved[0];
    const at::Tensor& weight_ED = saved[1];
    const at::Tensor& dlogit_TE = grads[0];
    at::Tensor dx_TD;
    at::Tensor dweight_ED;
    if (ctx->needs_input_grad(0)) {
      dx_TD = workspace_empty(x_TD.sizes(), weight_ED.scalar_type());
      at::mm_out(dx_TD, dlogit_TE, weight_ED);
      dx_TD = converted(dx_TD, x_TD.scalar_type());
    }
    if (ctx->needs_input_grad(1)) {
      dweight_ED = at::mm(dlogit_TE.t(), converted(x_TD, weight_ED.scalar_type()));
    }
    return {dx_TD, dweight_ED};
  }
};

}  // namespace

TopKRouterImpl::TopKRouterImpl(int64_t hidden_size,
                               const RouterConfig& config,
                               at::ScalarType dtype)
    : config_(config) {
  ConfigFaults faults("router");
  faults.require(hidden_size >= 1, "hidden_size", hidden_size, "must be at least 1");
  config.collect_faults(faults);
  faults.throw_if_any();
  weight_ED_ = register_parameter("weight",
                                  at::zeros({config.num_experts, hidden_size},
                                            at::TensorOptions().dtype(accumulation_dtype(dtype))));
  initialize_parameters(describe_parameters("router"), random_seed());
}

Routing TopKRouterImpl::forward(const at::Tensor& x_TD, const RoutingContext& context) {
  HECATON_TRACE_RANGE("moe.router");
  check_shape("x_TD", x_TD, {-1, weight_ED_.size(1)});
  const at::ScalarType dtype = accumulation_dtype(x_TD.scalar_type());
  Routing routing;
  routing.logit_TE = LogitFunction::apply(x_TD, weight_ED_.to(dtype));
  const bool is_softmax = config_.score == RouterScore::kSoftmax;
  const at::Tensor score_TE =
      is_softmax ? at::softmax(routing.logit_TE, -1) : at::sigmoid(routing.logit_TE);
  routing.prob_TE =
      is_softmax ? score_TE : score_TE / (score_TE.sum(-1, /*keepdim=*/true) + kSmallestSum);
  routing.expert_idx_TK = context.replay != nullptr ? recorded_choice(*context.replay, x_TD.size(0))
                                                    : kernels::topk(routing.logit_TE.detach(),
                                                                    config_.num_experts_per_tok);
  routing.num_tokens_E = count_tokens(routing.expert_idx_TK, config_.num_experts);
  routing.weight_TK = weights_of(routing.logit_TE, score_TE, routing.expert_idx_TK);
  return routing;
}

at::Tensor TopKRouterImpl::weights_of(const at::Tensor& logit_TE,
                                      const at::Tensor& score_TE,
                                      const at::Tensor& expert_idx_TK) const {
  // Only a replayed routing has unused slots (-1): they read expert 0 and take no part.
  const at::Tensor is_unused_TK = expert_idx_TK.lt(0);
  const at::Tensor idx_TK = expert_idx_TK.to(at::kLong).clamp_min(0);
  at::Tensor weight_TK;
  if (config_.score_after_topk) {
    const at::Tensor chosen_TK = logit_TE.gather(1, idx_TK).masked_fill(is_unused_TK, kNoLogit);
    weight_TK = config_.score == RouterScore::kSoftmax ? at::softmax(chosen_TK, -1)
                                                       : at::sigmoid(chosen_TK);
  } else {
    weight_TK = score_TE.gather(1, idx_TK);
  }
  weight_TK = weight_TK.masked_fill(is_unused_TK, 0.0);
  if (config_.norm_topk_prob) {
    weight_TK = weight_TK / (weight_TK.sum(-1, /*keepdim=*/true) + kSmallestSum);
  }
  return weight_TK * config_.scaling_factor;
}

std::vector<Parameter> TopKRouterImpl::describe_parameters(const std::string& prefix) {
  return {whole_parameter(prefix + ".gate.weight", weight_ED_, DecayClass::kNoDecay)};
}

void register_top_k_router(Components& components) {
  components.routers.add("top_k", [](const MoeLayerConfig& layer, OptionReader&) {
    return [&layer] { return TopKRouter(layer.hidden_size, layer.router, layer.dtype).ptr(); };
  });
}

}  // namespace hecaton::moe
