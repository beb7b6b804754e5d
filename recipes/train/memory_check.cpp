// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/memory_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/shapes.h"
#include "models/decoder_size.h"
#include "models/loss_chunk.h"
#include "recipes/train/model_setup.h"

namespace hecaton::recipes {
namespace {

constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0;
/// Token, target and document of an element of a batch, 8 bytes each, and whether it is valid.
constexpr double kBytesPerToken = 25;

using NamedSizes = std::vector<std::pair<std::string, int64_t>>;

std::string gib(double bytes) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(),
                                 text.data() + text.size(),
                                 bytes / kBytesPerGib,
                                 std::chars_format::general,
                                 /*precision=*/4)
                       .ptr;
  return {text.data(), end};
}

void require(double bytes, double memory_bytes, const std::string& what, const NamedSizes& sizes) {
  if (bytes <= memory_bytes) {
    return;
  }
  std::string text;
  for (const auto& [name, size] : sizes) {
    text += (text.empty() ? "" : ", ") + name + " = " + std::to_string(size);
  }
  throw ConfigError(text + ": " + what + " need at least " + gib(bytes) +
                    " GiB on each rank, found " + gib(memory_bytes) + " GiB of memory");
}

double element_size(at::ScalarType dtype) {
  return static_cast<double>(c10::elementSize(dtype));
}

/// Least bytes of a parameter: its value, a gradient, and a master unless the value is one or ranks
/// share the masters out; of a frozen one the value alone, and which those are is not known here.
double bytes_per_parameter(const Recipe& recipe, at::ScalarType dtype) {
  const std::vector<ParameterGroupRecipe>& groups = recipe.optimizer.groups;
  if (std::any_of(groups.begin(), groups.end(), [](const auto& group) { return group.frozen; })) {
    return element_size(dtype);
  }
  const at::ScalarType accumulation = accumulation_dtype(dtype);
  const bool has_master = dtype != accumulation && recipe.parallel.zero == 0;
  const double num_accumulators = has_master ? 2 : 1;
  return element_size(dtype) + num_accumulators * element_size(accumulation);
}

}  // namespace

void check_memory(const Recipe& recipe, double memory_gib) {
  const double memory_bytes = memory_gib * kBytesPerGib;
  const models::DecoderConfig model = decoder_config(recipe);
  const models::DecoderSize size = models::decoder_size(model);
  const double num_parameters =
      size.dense_parameters + size.expert_parameters / static_cast<double>(recipe.parallel.ep);
  require(num_parameters * bytes_per_parameter(recipe, model.dtype),
          memory_bytes,
          "weights and gradients",
          {{"model.arch.hidden_size", model.hidden_size},
           {"intermediate_size", model.intermediate_size},
           {"num_hidden_layers", model.num_hidden_layers},
           {"num_attention_heads", model.num_attention_heads},
           {"head_dim", model.head_dim},
           {"vocab_size", model.vocab_size},
           {"moe.num_experts", model.moe.router.num_experts},
           {"moe_intermediate_size", model.moe.moe_intermediate_size},
           {"shared_expert_intermediate_size", model.moe.shared_expert_intermediate_size}});

  const int64_t micro_batch_size = *recipe.training.micro_batch_size;
  const int64_t num_passes = *recipe.training.gradient_accumulation_steps;
  const double num_tokens =
      static_cast<double>(micro_batch_size) * static_cast<double>(recipe.dataset.sequence_length);
  const double activation_bytes =
      static_cast<double>(model.hidden_size) * element_size(model.dtype);
  const double num_logits = std::min(num_tokens, static_cast<double>(models::kTokensPerLossChunk)) *
                            static_cast<double>(model.vocab_size);
  require(num_tokens * (static_cast<double>(num_passes) * kBytesPerToken + activation_bytes) +
              num_logits * element_size(accumulation_dtype(model.dtype)),
          memory_bytes,
          "tokens and logits",
          {{"dataset.sequence_length", recipe.dataset.sequence_length},
           {"training.micro_batch_size", micro_batch_size},
           {"gradient_accumulation_steps", num_passes},
           {"model.arch.vocab_size", model.vocab_size}});
}

}  // namespace hecaton::recipes
