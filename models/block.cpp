// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/block.h"

#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rms_norm.h>

namespace hecaton::models {
namespace {

moe::MoeLayerConfig moe_layer_config(const DecoderConfig& config) {
  return {.hidden_size = config.hidden_size,
          .moe_intermediate_size = config.moe.moe_intermediate_size,
          .shared_expert_intermediate_size = config.moe.shared_expert_intermediate_size,
          .activation = config.hidden_act,
          .router = config.moe.router,
          .capacity = config.moe.capacity,
          .losses = config.moe.losses,
          .dtype = config.dtype};
}

}  // namespace

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
  } else {
    ffn_ = register_module(
        "ffn",
        moe::Ffn(config.hidden_size, config.intermediate_size, config.hidden_act, config.dtype));
  }
}

at::Tensor BlockImpl::forward(const at::Tensor& x_BQD, BlockContext& context) {
  const double eps = config_.rms_norm_eps;
  const int64_t D = config_.hidden_size;
  const at::Tensor attended_BQD =
      x_BQD + attention_->forward(at::rms_norm(x_BQD, {D}, input_norm_D_, eps), context.attention);
  const at::Tensor normed_BQD = at::rms_norm(attended_BQD, {D}, post_attention_norm_D_, eps);
  if (moe_.is_empty()) {
    return attended_BQD + ffn_->forward(normed_BQD.view({-1, D})).view(normed_BQD.sizes());
  }
  context.routing.layer = layer_;
  const at::Tensor mixed_BQD = moe_->forward(normed_BQD, context.routing);
  context.routing.previous_state = moe_->last_routing().next_state;
  return attended_BQD + mixed_BQD;
}

std::vector<Parameter> BlockImpl::describe_parameters(const std::string& prefix) {
  std::vector<Parameter> described = {
      whole_parameter(prefix + ".input_layernorm.weight", input_norm_D_, DecayClass::kNoDecay, 0.0),
      whole_parameter(prefix + ".post_attention_layernorm.weight",
                      post_attention_norm_D_,
                      DecayClass::kNoDecay,
                      0.0)};
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
