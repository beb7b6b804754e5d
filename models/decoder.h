// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "core/grad_sink.h"
#include "core/parameter.h"
#include "models/block.h"
#include "models/decoder_config.h"
#include "models/ignored_target.h"

namespace hecaton::models {

/// A decoder-only transformer with dense or MoE feed-forward layers.
///
/// embed, block, head and loss can each be called alone. hidden() is embed and every block,
/// forward() head of that. Tensor names are those of Hugging Face's Qwen3-MoE family.
class DecoderImpl final : public torch::nn::Module {
 public:
  /// Every expert on this process. Errors: ConfigError if config.validate() fails.
  explicit DecoderImpl(const DecoderConfig& config);
  /// The experts are where `dispatcher` says. seed: of the initial values, see initialize().
  DecoderImpl(const DecoderConfig& config,
              const std::shared_ptr<moe::Dispatcher>& dispatcher,
              uint64_t seed = 0);

  /// token_BQ: [B, Q] int64 in [0, V). Returns [B, Q, D]. Errors: ShapeError for an id out of
  /// range.
  at::Tensor embed(const at::Tensor& token_BQ);
  /// layer: index in [0, num_hidden_layers). Returns [B, Q, D]. Errors: InternalError for another
  /// index.
  at::Tensor block(int64_t layer, const at::Tensor& x_BQD, BlockContext& context);
  /// The last norm and the projection to the vocabulary: [B, Q, V], dtype of the model.
  at::Tensor head(const at::Tensor& x_BQD);
  /// The *sum* over trained tokens of -log softmax(logit)[target], in nats: a scalar, float32, or
  /// float64 in a float64 model. The caller divides once, by the trained tokens of the global
  /// batch. target_BQ: [B, Q] int64 in [0, V), kIgnoredTarget where nothing is trained. Errors:
  /// ShapeError for other shapes, another dtype or a target out of range.
  at::Tensor loss(const at::Tensor& logit_BQV, const at::Tensor& target_BQ);
  /// loss(head(x_BQD), target_BQ), which never holds all logits: what training and evaluation use.
  /// Errors: as loss().
  at::Tensor head_loss(const at::Tensor& x_BQD, const at::Tensor& target_BQ);
  /// Returns [B, Q, D], the input of head().
  at::Tensor hidden(const at::Tensor& token_BQ, BlockContext& context);
  /// Returns logits [B, Q, V].
  at::Tensor forward(const at::Tensor& token_BQ, BlockContext& context);

  const DecoderConfig& config() const { return config_; }
  /// The MoE layers in order; each knows its statistics.
  std::vector<moe::MoeLayerImpl*> moe_layers();
  /// This rank's parameters under their global names.
  std::vector<Parameter> describe_parameters();
  /// From now on backward adds the gradients of embedding and experts to sink_of(weight), if that
  /// is set. Other weights, and a tied embedding in its use as head, get an ordinary `.grad()`.
  void set_grad_sinks(const std::function<GradSink(const at::Tensor& weight)>& sink_of);
  /// Sets every parameter to its initial value, the same in every layout.
  void initialize(uint64_t seed);

 private:
  at::Tensor last_norm(const at::Tensor& x_BQD);

  DecoderConfig config_;
  at::Tensor embedding_VD_;
  GradSink embedding_sink_;
  at::Tensor norm_D_;
  at::Tensor head_VD_;  ///< undefined if tied
  std::vector<Block> blocks_;
};
TORCH_MODULE(Decoder);

}  // namespace hecaton::models
