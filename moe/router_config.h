// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>

#include "core/config_faults.h"
#include "core/options.h"

namespace hecaton::moe {

/// How logits become scores.
enum class RouterScore { kSoftmax, kSigmoid };

/// Settings of a layer's router, those of TopKRouter among them.
struct RouterConfig {
  std::string type = "top_k";  ///< a registered name (registry.h)
  /// E, routed experts in the layer. Count, at least 1. Default: Mixtral 8x7B.
  int64_t num_experts = 8;
  /// K, experts that see each token. Count, 1 to num_experts. Default: Mixtral 8x7B.
  int64_t num_experts_per_tok = 2;
  /// Default: every early MoE model; sigmoid is DeepSeek-V3's, arXiv 2412.19437.
  RouterScore score = RouterScore::kSoftmax;
  /// Score the K chosen logits alone instead of choosing among E scores. Refused for softmax at
  /// K = 1, where the weight would always be 1. Default: off, as Mixtral's and OLMoE's
  /// implementations; GPT-OSS has it on.
  bool score_after_topk = false;
  /// Divide a token's K weights by their sum. Refused at K = 1: a weight that is always 1 passes no
  /// gradient to the router. Default: arXiv 2401.04088, section 2.1.
  bool norm_topk_prob = true;
  /// Multiplies the weights at the end. Finite, above 0. Default: 1, none.
  double scaling_factor = 1.0;
  Options options{};  ///< of that type alone; TopKRouter has none

  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

}  // namespace hecaton::moe
