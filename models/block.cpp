// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/block.h"

#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include "models/detail/rms_norm.h"
#include "moe/recompute.h"

namespace hecaton::models {
BlockImpl::BlockImpl(const DecoderConfig& config,
                     int64_t layer,
                     const std::shared_ptr<moe::Dispatcher>& dispatcher)
    : config_(config), layer_(layer) {
  const auto options = at::TensorOptions().dtype(config.dtype);
  input_norm_D_ = register_parameter("input_norm", at::ones({config.hidden_size}, options));
  post_attention_norm_D_ =
      register_parameter("post_attention_norm", at::ones({config.hidden_size}, options));
  attention_ = register_module("attention", Attention(config));
  if (config.is_moe_layer(layer)) {
    moe_ = register_module("moe", moe::MoeLayer(moe_layer_config(config), dispatcher));
    moe_->set_recompute(config.activation_checkpointing == ActivationCheckpointing::kMoe);
  } else {
    ffn_ = register_module(
        "ffn",
        moe::Ffn(config.hidden_size, config.intermediate_size, config.hidden_act, config.dtype));
  }
}

at::Tensor BlockImpl::forward(const at::Tensor& x_BQD, BlockContext& context) {
  const bool is_forgotten = config_.activation_checkpointing == ActivationCheckpointing::kFull &&
                            context.routing.phase == moe::Phase::kTrain &&
                            context.attention.cache == nullptr;
  return is_forgotten ? forward_and_forget(x_BQD, context) : forward_now(x_BQD, context);
}

at::Tensor BlockImpl::forward_and_forget(const at::Tensor& x_BQD, BlockContext& context) {
  // The first time runs within this call, so only the second needs a context of its own.
  const auto forward = [this, &context, again = context, replay = std::make_shared<moe::Routing>()](
                           const at::Tensor& x, bool is_again) {
    if (!is_again) {
      at::Tensor y = forward_now(x, context);
      *replay = moe_.is_empty() ? moe::Routing() : moe::replayable(moe_->last_routing());
      return y;
    }
    BlockContext recomputed = again;
    recomputed.routing.phase = moe::Phase::kRecompute;
    recomputed.routing.replay = replay.get();
    return forward_now(x, recomputed);
  };
  return moe::recompute(forward, x_BQD, parameters());
}

at::Tensor BlockImpl::forward_now(const at::Tensor& x_BQD, BlockContext& context) {
  const double eps = config_.rms_norm_eps;
  const int64_t D = config_.hidden_size;
  const at::Tensor attended_BQD =
      x_BQD + attention_->forward(detail::rms_norm(x_BQD, input_norm_D_, eps), context.attention);
  const at::Tensor normed_BQD = detail::rms_norm(attended_BQD, post_attention_norm_D_, eps);
  if (moe_.is_empty()) {
    return attended_BQD + ffn_->forward(normed_BQD.reshape({-1, D})).view(normed_BQD.sizes());
  }
  context.routing.layer = layer_;
  const at::Tensor mixed_BQD = moe_->forward(normed_BQD, context.routing);
  context.routing.previous_state = moe_->take_next_state();
  return attended_BQD + mixed_BQD;
}

std::vector<Parameter> BlockImpl::describe_parameters(const std::string& prefix) {
  const InitialValue ones{InitialValue::Kind::kOnes};
  std::vector<Parameter> described = {
      whole_parameter(
          prefix + ".input_layernorm.weight", input_norm_D_, DecayClass::kNoDecay, ones),
      whole_parameter(prefix + ".post_attention_layernorm.weight",
                      post_attention_norm_D_,
                      DecayClass::kNoDecay,
                      ones)};
  const auto append = [&](std::vector<Parameter> more) {
    described.insert(described.end(),
                     std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
  };
  append(attention_->describe_parameters(prefix + ".self_attn"));
  append(moe_.is_empty() ? ffn_->describe_parameters(prefix + ".mlp")
                         : moe_->describe_parameters(prefix + ".mlp"));
  return described;
}

}  // namespace hecaton::models
