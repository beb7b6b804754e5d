// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "core/parameter.h"
#include "models/decoder_config.h"

namespace hecaton::models {

/// Keys and values of the tokens seen so far by one attention layer, for generation.
struct KvCache {
  at::Tensor key_BHQC;    ///< [B, key/value heads, capacity, C]; undefined before the first token
  at::Tensor value_BHQC;  ///< the same
  int64_t length = 0;     ///< tokens held

  /// Appends new tokens and returns all so far. Grows by doubling.
  std::pair<at::Tensor, at::Tensor> append(const at::Tensor& key_BHQC,
                                           const at::Tensor& value_BHQC);
};

/// Which earlier tokens a token may see.
struct AttentionContext {
  /// [B, 1, Q, Q] bool, true where a query may look; not after cached tokens. Undefined: every
  /// earlier token.
  at::Tensor mask_B1QQ;
  int64_t first_position = 0;  ///< position of the first token; tokens before are in the cache
  KvCache* cache = nullptr;    ///< null: no cache
};

/// Causal self-attention with rotary positions and grouped queries.
///
/// Formula:     softmax(rotate(q) rotate(k)^T / sqrt(C) + mask) v, projected back to D; no biases;
///              q and k normalised per head if qk_norm
/// Source:      Vaswani et al. 2017, arXiv 1706.03762; Su et al. 2021, arXiv 2104.09864 (rotary,
///              in the half-split form of Hugging Face); Ainslie et al. 2023, arXiv 2305.13245
///              (grouped queries)
class AttentionImpl final : public torch::nn::Module {
 public:
  /// Initial values: normal, by a seed drawn from LibTorch's generator; norms 1.
  explicit AttentionImpl(const DecoderConfig& config);

  /// x_BQD: [B, Q, D]. Returns [B, Q, D]. Ordinary autograd. Errors: ShapeError for a mask after
  /// cached tokens.
  at::Tensor forward(const at::Tensor& x_BQD, const AttentionContext& context);

  /// Names: <prefix>.{q,k,v,o}_proj.weight, <prefix>.{q,k}_norm.weight.
  std::vector<Parameter> describe_parameters(const std::string& prefix);

 private:
  DecoderConfig config_;
  at::Tensor qkv_ND_;     ///< [(H + 2 key/value heads) * C, D], parameter "qkv"
  at::Tensor output_DN_;  ///< [D, H*C], parameter "output"
  at::Tensor q_norm_C_;
  at::Tensor k_norm_C_;
};
TORCH_MODULE(Attention);

/// Rotates pairs (i, i + C/2) of each head by position * theta^(-2i/C).
/// x_BHQC: [B, heads, Q, C]. Precision: angles in float64, rotation in the dtype of x_BHQC.
at::Tensor rotate(const at::Tensor& x_BHQC, int64_t first_position, double theta);

/// The mask that keeps attention causal and within documents: query i sees key j <= i of the same
/// document. document_idx_BQ: [B, Q] int32. Returns [B, 1, Q, Q] bool.
at::Tensor document_mask(const at::Tensor& document_idx_BQ);

}  // namespace hecaton::models
