// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/config_faults.h"

namespace hecaton::models {
class DecoderImpl;  // not included: module headers cost ten seconds to compile
}  // namespace hecaton::models

namespace hecaton::recipes {

/// How the next token is drawn.
struct SamplingConfig {
  int64_t max_new_tokens = 200;  ///< at least 0
  double temperature = 1.0;      ///< divides the logits; at least 0; 0: always the likeliest token
  std::optional<int64_t> top_k = {};  ///< draw among the K likeliest, at least 1; unset: all
  std::optional<double> top_p =
      {};            ///< draw among the likeliest that together reach this share, (0, 1]
  int64_t seed = 0;  ///< of the draws; at least 0

  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

/// The token drawn from the logits of one place.
///
/// logit_V:     [V] float32 or float64.
/// uniform:     in [0, 1), decides.
/// Source:      Fan et al. 2018, arXiv 1805.04833 (top-k); Holtzman et al. 2020, arXiv 1904.09751
///              (top-p); top-k first, then top-p of what is left.
/// Determinism: equal logits go by the lower id.
int64_t sample_token(const at::Tensor& logit_V, const SamplingConfig& config, double uniform);

/// Continues a prompt token by token with a cache of keys and values.
///
/// prompt:      at least one token.
/// end_id:      drawing it ends the text; it is not among the tokens.
/// num_text_ids: ids from this one up are never drawn: padding, and rows that a vocabulary has
///              beyond its tokenizer. At least 1.
/// on_token:    called with each new token as it is drawn; may be empty.
/// Returns:     the new tokens, at most config.max_new_tokens.
/// Errors:      ConfigError if the prompt is empty or config.validate() fails; ShapeError if a
/// token
///              of the prompt is not in the model's vocabulary.
/// Determinism: token i depends on (model, prompt, config, i) alone.
std::vector<int64_t> generate(models::DecoderImpl& decoder,
                              const std::vector<int64_t>& prompt,
                              int64_t end_id,
                              int64_t num_text_ids,
                              const SamplingConfig& config,
                              const std::function<void(int64_t)>& on_token);

}  // namespace hecaton::recipes
