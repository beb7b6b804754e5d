// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder_config.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

namespace hecaton::models {

bool DecoderConfig::is_moe_layer(int64_t layer) const {
  return std::binary_search(moe.layers.begin(), moe.layers.end(), layer);
}

void DecoderConfig::collect_faults(ConfigFaults& faults) const {
  const auto require_positive = [&](const char* name, int64_t value) {
    faults.require(value >= 1, name, value, "must be at least 1");
  };
  require_positive("hidden_size", hidden_size);
  require_positive("intermediate_size", intermediate_size);
  require_positive("num_hidden_layers", num_hidden_layers);
  require_positive("num_attention_heads", num_attention_heads);
  require_positive("vocab_size", vocab_size);
  faults.require(num_key_value_heads >= 1 && num_attention_heads % num_key_value_heads == 0,
                 "num_key_value_heads",
                 num_key_value_heads,
                 "must divide num_attention_heads=" + std::to_string(num_attention_heads));
  faults.require(
      head_dim >= 2 && head_dim % 2 == 0, "head_dim", head_dim, "must be even, at least 2");
  faults.require(std::isfinite(rms_norm_eps) && rms_norm_eps > 0.0,
                 "rms_norm_eps",
                 rms_norm_eps,
                 "must be finite and above 0");
  faults.require(std::isfinite(rope_theta) && rope_theta > 0.0,
                 "rope_theta",
                 rope_theta,
                 "must be finite and above 0");
  faults.require(std::isfinite(initializer_range) && initializer_range > 0.0,
                 "initializer_range",
                 initializer_range,
                 "must be finite and above 0");
  faults.require(dtype == at::kFloat || dtype == at::kBFloat16 || dtype == at::kDouble,
                 "dtype",
                 c10::toString(dtype),
                 "must be float32, bfloat16 or float64");
  for (const int64_t layer : moe.layers) {
    faults.require(layer >= 0 && layer < num_hidden_layers,
                   "moe.layers",
                   layer,
                   "must be in [0, num_hidden_layers=" + std::to_string(num_hidden_layers) + ")");
  }
  faults.require(std::is_sorted(moe.layers.begin(), moe.layers.end(), std::less_equal<>()),
                 "moe.layers",
                 "list",
                 "must be ascending without repetition");
  if (!moe.layers.empty()) {
    faults.require_valid("moe", moe_layer_config(*this));
  }
}

moe::MoeLayerConfig moe_layer_config(const DecoderConfig& config) {
  return {.hidden_size = config.hidden_size,
          .moe_intermediate_size = config.moe.moe_intermediate_size,
          .shared_expert_intermediate_size = config.moe.shared_expert_intermediate_size,
          .activation = config.hidden_act,
          .router = config.moe.router,
          .experts = config.moe.experts,
          .capacity = config.moe.capacity,
          .losses = config.moe.losses,
          .dtype = config.dtype};
}

void DecoderConfig::validate() const {
  ConfigFaults faults("model");
  collect_faults(faults);
  faults.throw_if_any();
}

}  // namespace hecaton::models
