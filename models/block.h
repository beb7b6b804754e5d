// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "core/parameter.h"
#include "models/attention.h"
#include "models/decoder_config.h"
#include "moe/moe_layer.h"

namespace hecaton::models {

/// What a block is told besides its input. The routing state of one MoE layer is handed to the next
/// through `routing`.
struct BlockContext {
  AttentionContext attention;
  moe::RoutingContext routing;
};

/// One pre-norm decoder block: attention, then a dense or MoE feed-forward part, each added to its
/// input.
///
/// Source:      Xiong et al. 2020, arXiv 2002.04745, section 3 (the norm before each part); Zhang
///              and Sennrich 2019, arXiv 1910.07467, equation 4 (RMSNorm). Deviations: rms_norm_eps
///              is added to the mean square.
class BlockImpl final : public torch::nn::Module {
 public:
  /// layer: index in the model. dispatcher: where the experts are.
  BlockImpl(const DecoderConfig& config,
            int64_t layer,
            const std::shared_ptr<moe::Dispatcher>& dispatcher);

  /// x_BQD: [B, Q, D]. Returns [B, Q, D]. With activation checkpointing the block must live until
  /// backward.
  at::Tensor forward(const at::Tensor& x_BQD, BlockContext& context);

  /// The MoE layer; null in a dense block.
  moe::MoeLayerImpl* moe_layer() { return moe_.is_empty() ? nullptr : moe_.get(); }
  std::vector<Parameter> describe_parameters(const std::string& prefix);

 private:
  at::Tensor forward_and_forget(const at::Tensor& x_BQD, BlockContext& context);
  at::Tensor forward_now(const at::Tensor& x_BQD, BlockContext& context);

  DecoderConfig config_;
  int64_t layer_;
  at::Tensor input_norm_D_;
  at::Tensor post_attention_norm_D_;
  Attention attention_{nullptr};
  moe::Ffn ffn_{nullptr};
  moe::MoeLayer moe_{nullptr};
};
TORCH_MODULE(Block);

}  // namespace hecaton::models
