// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder.h"

#include <string>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/check.h"
#include "core/error.h"
#include "core/shapes.h"
#include "models/detail/embedding.h"
#include "models/detail/linear_cross_entropy.h"
#include "models/detail/rms_norm.h"
#include "moe/local_dispatcher.h"

namespace hecaton::models {
namespace {

const DecoderConfig& validated(const DecoderConfig& config) {
  config.validate();
  return config;
}

void check_ids(const std::string& name, const at::Tensor& ids, int64_t vocab_size) {
  check_dtype(name, ids, at::kLong);
  const at::Tensor wrong = ids.masked_select(ids.lt(0).logical_or(ids.ge(vocab_size)));
  if (wrong.numel() > 0) {
    throw ShapeError(name + " must be in [0, vocab_size=" + std::to_string(vocab_size) +
                     "): found " + std::to_string(wrong[0].item<int64_t>()));
  }
}

void check_targets(const at::Tensor& target_BQ, int64_t vocab_size) {
  check_shape("target_BQ", target_BQ, {-1, -1});
  check_ids("target_BQ", target_BQ.masked_fill(target_BQ.eq(kIgnoredTarget), 0), vocab_size);
}

}  // namespace

DecoderImpl::DecoderImpl(const DecoderConfig& config)
    : DecoderImpl(config, std::make_shared<moe::LocalDispatcher>()) {}

DecoderImpl::DecoderImpl(const DecoderConfig& config,
                         const std::shared_ptr<moe::Dispatcher>& dispatcher,
                         uint64_t seed)
    : config_(validated(config)) {
  const auto options = at::TensorOptions().dtype(config.dtype);
  const int64_t D = config.hidden_size;
  embedding_VD_ = register_parameter("embedding", at::zeros({config.vocab_size, D}, options));
  norm_D_ = register_parameter("norm", at::ones({D}, options));
  if (!config.tie_word_embeddings) {
    head_VD_ = register_parameter("head", at::zeros({config.vocab_size, D}, options));
  }
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    blocks_.emplace_back(
        register_module("block_" + std::to_string(layer), Block(config, layer, dispatcher)));
  }
  initialize(seed);
}

at::Tensor DecoderImpl::embed(const at::Tensor& token_BQ) {
  check_shape("token_BQ", token_BQ, {-1, -1});
  check_ids("token_BQ", token_BQ, config_.vocab_size);
  return detail::embedding(embedding_VD_, token_BQ, embedding_sink_);
}

at::Tensor DecoderImpl::block(int64_t layer, const at::Tensor& x_BQD, BlockContext& context) {
  HECATON_CHECK_GE(layer, 0, "a decoder has no such block");
  HECATON_CHECK_LT(layer, config_.num_hidden_layers, "a decoder has no such block");
  return blocks_[static_cast<size_t>(layer)]->forward(x_BQD, context);
}

at::Tensor DecoderImpl::head(const at::Tensor& x_BQD) {
  return at::linear(last_norm(x_BQD), head_VD_.defined() ? head_VD_ : embedding_VD_);
}

at::Tensor DecoderImpl::last_norm(const at::Tensor& x_BQD) {
  return detail::rms_norm(x_BQD, norm_D_, config_.rms_norm_eps);
}

at::Tensor DecoderImpl::loss(const at::Tensor& logit_BQV, const at::Tensor& target_BQ) {
  check_targets(target_BQ, config_.vocab_size);
  check_shape("logit_BQV", logit_BQV, {target_BQ.size(0), target_BQ.size(1), config_.vocab_size});
  const at::Tensor logit_TV =
      logit_BQV.reshape({-1, config_.vocab_size}).to(accumulation_dtype(config_.dtype));
  return at::cross_entropy_loss(
      logit_TV, target_BQ.reshape({-1}), /*weight=*/{}, at::Reduction::Sum, kIgnoredTarget);
}

at::Tensor DecoderImpl::head_loss(const at::Tensor& x_BQD, const at::Tensor& target_BQ) {
  check_targets(target_BQ, config_.vocab_size);
  check_shape("x_BQD", x_BQD, {target_BQ.size(0), target_BQ.size(1), config_.hidden_size});
  return detail::linear_cross_entropy(last_norm(x_BQD).view({-1, config_.hidden_size}),
                                      head_VD_.defined() ? head_VD_ : embedding_VD_,
                                      target_BQ.reshape({-1}));
}

at::Tensor DecoderImpl::forward(const at::Tensor& token_BQ, BlockContext& context) {
  return head(hidden(token_BQ, context));
}

at::Tensor DecoderImpl::hidden(const at::Tensor& token_BQ, BlockContext& context) {
  at::Tensor x_BQD = embed(token_BQ);
  context.routing.previous_state.reset();
  for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
    x_BQD = block(layer, x_BQD, context);
  }
  return x_BQD;
}

std::vector<moe::MoeLayerImpl*> DecoderImpl::moe_layers() {
  std::vector<moe::MoeLayerImpl*> layers;
  for (Block& block : blocks_) {
    if (block->moe_layer() != nullptr) {
      layers.push_back(block->moe_layer());
    }
  }
  return layers;
}

std::vector<Parameter> DecoderImpl::describe_parameters() {
  const InitialValue ones{InitialValue::Kind::kOnes};
  const InitialValue normal{.std_dev = config_.initializer_range};
  std::vector<Parameter> described = {
      whole_parameter("model.embed_tokens.weight", embedding_VD_, DecayClass::kDecay, normal)};
  for (size_t layer = 0; layer < blocks_.size(); ++layer) {
    for (Parameter& parameter :
         blocks_[layer]->describe_parameters("model.layers." + std::to_string(layer))) {
      parameter.initial.std_dev = normal.std_dev;
      parameter.unit = static_cast<int64_t>(layer) + 1;  // the embedding is unit 0
      described.push_back(std::move(parameter));
    }
  }
  const size_t num_before_head = described.size();
  described.push_back(whole_parameter("model.norm.weight", norm_D_, DecayClass::kNoDecay, ones));
  if (head_VD_.defined()) {
    described.push_back(whole_parameter("lm_head.weight", head_VD_, DecayClass::kDecay, normal));
  }
  for (size_t i = num_before_head; i < described.size(); ++i) {
    described[i].unit = config_.num_hidden_layers + 1;
  }
  return described;
}

void DecoderImpl::set_grad_sinks(const std::function<GradSink(const at::Tensor& weight)>& sink_of) {
  embedding_sink_ = sink_of(embedding_VD_);
  for (moe::MoeLayerImpl* layer : moe_layers()) {
    std::vector<GradSink> sinks;
    for (const at::Tensor& weight : layer->experts().weights().tensors) {
      sinks.push_back(sink_of(weight));
    }
    layer->experts().set_grad_sinks(std::move(sinks));
  }
}

void DecoderImpl::initialize(uint64_t seed) {
  initialize_parameters(describe_parameters(), seed);
}

}  // namespace hecaton::models
