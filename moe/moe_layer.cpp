// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/moe_layer.h"

#include <string>
#include <utility>

#include <ATen/ops/zeros.h>
#include <c10/util/accumulate.h>

#include "core/check.h"
#include "core/error.h"
#include "core/shapes.h"
#include "moe/detail/moe_function.h"
#include "moe/local_dispatcher.h"
#include "moe/recompute.h"
#include "moe/registry.h"

namespace hecaton::moe {
namespace {

Ffn make_shared_expert(const MoeLayerConfig& config) {
  return config.shared_expert_intermediate_size == 0 ? Ffn(nullptr)
                                                     : Ffn(config.hidden_size,
                                                           config.shared_expert_intermediate_size,
                                                           config.activation,
                                                           config.dtype);
}

/// Parts of the user's own must fit each other.
void check_experts(const Router& router, const Experts& experts, const Dispatcher& dispatcher) {
  const int64_t expected = dispatcher.local_experts(router.num_experts()).count;
  if (experts.num_local_experts() != expected) {
    throw ConfigError(
        "experts of an MoE layer must be as many as the dispatcher places on this "
        "rank: expected " +
        std::to_string(expected) + " of " + std::to_string(router.num_experts()) + " found " +
        std::to_string(experts.num_local_experts()));
  }
}

const MoeLayerConfig& validated(const MoeLayerConfig& config) {
  config.validate();
  return config;
}

void check_context(const RoutingContext& context, int64_t T) {
  const auto check = [T](const char* name, const at::Tensor& tensor, at::ScalarType dtype) {
    if (tensor.defined()) {
      check_shape(name, tensor, {T});
      check_dtype(name, tensor, dtype);
    }
  };
  check("token_id_T", context.token_id_T, at::kLong);
  check("global_token_idx_T", context.global_token_idx_T, at::kLong);
  check("sequence_idx_T", context.sequence_idx_T, at::kInt);
  check("valid_T", context.valid_T, at::kBool);
}

/// The context of the tokens at idx alone.
RoutingContext select_tokens(const RoutingContext& context, const at::Tensor& idx) {
  RoutingContext selected = context;
  selected.valid_T.reset();
  for (at::Tensor* tensor :
       {&selected.token_id_T, &selected.global_token_idx_T, &selected.sequence_idx_T}) {
    if (tensor->defined()) {
      *tensor = tensor->index_select(0, idx);
    }
  }
  return selected;
}

}  // namespace

MoeLayerImpl::MoeLayerImpl(const MoeLayerConfig& config)
    : MoeLayerImpl(config, std::make_shared<LocalDispatcher>()) {}

MoeLayerImpl::MoeLayerImpl(const MoeLayerConfig& config,
                           const std::shared_ptr<Dispatcher>& dispatcher)
    // Braces: the parts draw their weights in this order.
    : MoeLayerImpl{
          make_router(validated(config)),
          make_experts(validated(config), dispatcher->local_experts(config.router.num_experts)),
          make_shared_expert(validated(config)),
          dispatcher,
          config.capacity,
          config.losses} {}

MoeLayerImpl::MoeLayerImpl(std::shared_ptr<Router> router,
                           std::shared_ptr<Experts> experts,
                           Ffn shared,
                           std::shared_ptr<Dispatcher> dispatcher,
                           CapacityConfig capacity,
                           const std::vector<RoutingLossConfig>& losses)
    : router_(register_module("router", std::move(router))),
      experts_(register_module("experts", std::move(experts))),
      shared_(std::move(shared)),
      dispatcher_(std::move(dispatcher)),
      capacity_(capacity),
      losses_(make_routing_losses(losses)) {
  if (!shared_.is_empty()) {
    register_module("shared_expert", shared_.ptr());
  }
  check_experts(*router_, *experts_, *dispatcher_);
  set_num_chunks(1);
}

at::Tensor MoeLayerImpl::forward(const at::Tensor& x, const RoutingContext& context) {
  return forward_with(x, context, experts_->weights());
}

at::Tensor MoeLayerImpl::forward_with(const at::Tensor& x,
                                      const RoutingContext& context,
                                      const ExpertWeights& weights) {
  return is_recomputed_ && context.phase == Phase::kTrain ? forward_and_forget(x, context, weights)
                                                          : forward_now(x, context, weights);
}

at::Tensor MoeLayerImpl::forward_and_forget(const at::Tensor& x,
                                            const RoutingContext& context,
                                            const ExpertWeights& weights) {
  std::vector<at::Tensor> all_weights = router_->parameters();
  all_weights.insert(all_weights.end(), weights.tensors.begin(), weights.tensors.end());
  if (!shared_.is_empty()) {
    const std::vector<at::Tensor> shared = shared_->parameters();
    all_weights.insert(all_weights.end(), shared.begin(), shared.end());
  }
  const auto forward = [this, context, weights, replay = std::make_shared<Routing>()](
                           const at::Tensor& input, bool is_again) {
    if (!is_again) {
      at::Tensor y = forward_now(input, context, weights);
      *replay = replayable(last_routing_);
      return y;
    }
    RoutingContext again = context;
    again.phase = Phase::kRecompute;
    again.replay = replay.get();
    return forward_now(input, again, weights);
  };
  return recompute(forward, x, all_weights);
}

at::Tensor MoeLayerImpl::forward_now(const at::Tensor& x,
                                     const RoutingContext& context,
                                     const ExpertWeights& weights) {
  if (!x.defined() || x.dim() < 1) {
    throw ShapeError("x has the wrong shape: expected [..., D] found no dims");
  }
  const int64_t T = c10::multiply_integers(x.sizes().slice(0, static_cast<size_t>(x.dim()) - 1));
  const at::Tensor x_TD = x.reshape({T, x.size(-1)});
  check_context(context, T);
  if (!context.valid_T.defined() || context.valid_T.all().item<bool>()) {
    return forward_tokens(x_TD.contiguous(), context, weights).view(x.sizes());
  }
  // Padding never reaches router or experts, so whatever stands there cannot spread.
  const at::Tensor idx = context.valid_T.nonzero().view({-1});
  const at::Tensor y_valid =
      forward_tokens(x_TD.index_select(0, idx), select_tokens(context, idx), weights);
  return at::zeros(x_TD.sizes(), y_valid.options()).index_copy(0, idx, y_valid).view(x.sizes());
}

at::Tensor MoeLayerImpl::forward_tokens(const at::Tensor& x_TD,
                                        const RoutingContext& context,
                                        const ExpertWeights& weights) {
  Routing routing = router_->forward(x_TD, context);
  HECATON_CHECK_EQ(
      routing.expert_idx_TK.size(0), x_TD.size(0), "a router must decide for every token");
  const bool is_training = context.phase != Phase::kEval;
  RoutingLossShares shares;
  if (is_training) {
    shares = routing_losses(losses_, context, routing);
  }
  apply_capacity(capacity_, context, routing);
  const bool has_plan = context.phase == Phase::kRecompute && context.replay != nullptr &&
                        context.replay->plan != nullptr;
  routing.plan = has_plan ? context.replay->plan : dispatcher_->plan(routing, num_chunks_);
  const detail::ExpertPass pass{dispatcher_, experts_, routing.plan};
  at::Tensor y_TD = detail::run_experts(pass, x_TD, routing.weight_TK, weights);
  if (!shared_.is_empty()) {
    y_TD = y_TD + shared_->forward(x_TD);
  }
  next_state_ = routing.next_state;
  if (context.phase != Phase::kRecompute) {
    stats_ = {routing.num_tokens_E, x_TD.size(0), routing.num_dropped, std::move(shares.by_type)};
    last_routing_ = routing;
    last_routing_.micro_batch_counts = shares.micro_batch_counts;
    last_routing_.logit_TE.reset();
    for (at::Tensor* tensor : {&last_routing_.weight_TK, &last_routing_.prob_TE}) {
      *tensor = tensor->detach();
    }
  }
  return attach_loss(y_TD, shares.total);
}

void MoeLayerImpl::set_num_chunks(int64_t num_chunks) {
  if (num_chunks < 1) {
    throw ConfigError("num_chunks = " + std::to_string(num_chunks) + ": must be at least 1");
  }
  num_chunks_ = num_chunks;
}

void MoeLayerImpl::initialize(const std::string& prefix, uint64_t seed) {
  initialize_parameters(describe_parameters(prefix), seed);
}

std::vector<Parameter> MoeLayerImpl::describe_parameters(const std::string& prefix) {
  std::vector<Parameter> described = router_->describe_parameters(prefix);
  const int64_t first_expert = dispatcher_->local_experts(router_->num_experts()).first;
  for (Parameter& parameter : experts_->describe_parameters(prefix, first_expert)) {
    described.push_back(std::move(parameter));
  }
  if (!shared_.is_empty()) {
    for (Parameter& parameter : shared_->describe_parameters(prefix + ".shared_expert")) {
      described.push_back(std::move(parameter));
    }
  }
  return described;
}

}  // namespace hecaton::moe
