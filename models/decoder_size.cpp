// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder_size.h"

#include "kernels/activation.h"

namespace hecaton::models {
namespace {

void add(DecoderSize& total, const DecoderSize& part, double count) {
  total.num_tensors += count * part.num_tensors;
  total.dense_parameters += count * part.dense_parameters;
  total.expert_parameters += count * part.expert_parameters;
}

/// F: width of the feed-forward part.
DecoderSize ffn_size(const DecoderConfig& config, int64_t F) {
  const double num_matrices = kernels::is_gated(config.hidden_act) ? 3 : 2;
  return {.num_tensors = num_matrices,
          .dense_parameters =
              num_matrices * static_cast<double>(F) * static_cast<double>(config.hidden_size)};
}

/// The projections, and the norms of queries and keys.
DecoderSize attention_size(const DecoderConfig& config) {
  const auto C = static_cast<double>(config.head_dim);
  const double num_heads = static_cast<double>(config.num_attention_heads) +
                           static_cast<double>(config.num_key_value_heads);
  const double num_norms = config.qk_norm ? 2 : 0;
  return {.num_tensors = 4 + num_norms,
          .dense_parameters =
              2 * num_heads * C * static_cast<double>(config.hidden_size) + num_norms * C};
}

DecoderSize moe_size(const DecoderConfig& config) {
  const DecoderMoeConfig& moe = config.moe;
  const auto E = static_cast<double>(moe.router.num_experts);
  const DecoderSize expert = ffn_size(config, moe.moe_intermediate_size);
  DecoderSize size = {.num_tensors = 1 + E * expert.num_tensors,
                      .dense_parameters = E * static_cast<double>(config.hidden_size),
                      .expert_parameters = E * expert.dense_parameters};
  if (moe.shared_expert_intermediate_size > 0) {
    add(size, ffn_size(config, moe.shared_expert_intermediate_size), 1);
  }
  return size;
}

}  // namespace

DecoderSize decoder_size(const DecoderConfig& config) {
  const auto D = static_cast<double>(config.hidden_size);
  const auto num_layers = static_cast<double>(config.num_hidden_layers);
  const auto num_moe_layers = static_cast<double>(config.moe.layers.size());
  const DecoderSize norm = {.num_tensors = 1, .dense_parameters = D};
  const DecoderSize vocabulary = {.num_tensors = 1,
                                  .dense_parameters = static_cast<double>(config.vocab_size) * D};
  DecoderSize size;
  add(size, vocabulary, config.tie_word_embeddings ? 1 : 2);
  add(size, norm, 2 * num_layers + 1);
  add(size, attention_size(config), num_layers);
  add(size, ffn_size(config, config.intermediate_size), num_layers - num_moe_layers);
  add(size, moe_size(config), num_moe_layers);
  return size;
}

}  // namespace hecaton::models
