// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/config_faults.h"
#include "kernels/activation.h"
#include "models/activation_checkpointing.h"
#include "moe/moe_layer_config.h"

namespace hecaton::models {

/// The MoE layers of a decoder.
struct DecoderMoeConfig {
  /// Indices of the layers whose feed-forward part is an MoE layer, ascending; empty: a dense
  /// model.
  std::vector<int64_t> layers{};
  int64_t moe_intermediate_size = 256;          ///< F of each routed expert, at least 1
  int64_t shared_expert_intermediate_size = 0;  ///< F of the shared expert; 0: none
  moe::RouterConfig router{};
  moe::ExpertsConfig experts{};
  moe::CapacityConfig capacity{};
  std::vector<moe::RoutingLossConfig> losses{};
};

/// Architecture of a decoder; field names as in Hugging Face's config.json.
struct DecoderConfig {
  int64_t hidden_size = 256;         ///< D, at least 1
  int64_t intermediate_size = 1024;  ///< F of dense layers, at least 1
  int64_t num_hidden_layers = 4;     ///< at least 1
  int64_t num_attention_heads = 4;   ///< H, at least 1
  int64_t num_key_value_heads = 4;   ///< divides H; fewer than H: grouped-query attention
  int64_t head_dim = 64;             ///< C, even, at least 2
  int64_t vocab_size = 258;          ///< V, at least 1
  double rms_norm_eps = 1e-5;        ///< above 0; Llama 2's
  double rope_theta = 10000.0;       ///< above 0; Su et al. 2021, arXiv 2104.09864
  /// The head uses the embedding's weights; Press and Wolf 2016, arXiv 1608.05859.
  bool tie_word_embeddings = false;
  /// RMSNorm over each head of q and k before rotation; Yang et al. 2025, arXiv 2505.09388.
  bool qk_norm = false;
  kernels::Activation hidden_act = kernels::Activation::kSwiGlu;
  double initializer_range = 0.02;    ///< standard deviation of initial weights; GPT-2's
  at::ScalarType dtype = at::kFloat;  ///< float32, bfloat16 or float64
  /// Changes memory and time, no bit of any number.
  ActivationCheckpointing activation_checkpointing = ActivationCheckpointing::kNone;
  DecoderMoeConfig moe{};

  bool is_moe_layer(int64_t layer) const;
  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

/// Each MoE layer of the model.
moe::MoeLayerConfig moe_layer_config(const DecoderConfig& config);

}  // namespace hecaton::models
