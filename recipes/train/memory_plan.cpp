// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/memory_plan.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>

#include "core/parameter.h"
#include "core/shapes.h"
#include "kernels/activation.h"
#include "models/decoder_plan.h"
#include "models/loss_chunk.h"
#include "optim/parameter_rules.h"

namespace hecaton::recipes {
namespace {

int64_t size_of(at::ScalarType dtype) {
  return static_cast<int64_t>(c10::elementSize(dtype));
}

/// Elements that backward needs of each token: in the dtype of the model, and in the one in which
/// routing and losses are computed.
struct SavedElements {
  int64_t model = 0;
  int64_t wide = 0;

  SavedElements operator+(const SavedElements& other) const {
    return {model + other.model, wide + other.wide};
  }
};

/// Pre-activations and activations of a feed-forward of width F; its input is counted elsewhere.
int64_t saved_by_ffn(const models::DecoderConfig& model, int64_t F) {
  return F == 0 ? 0 : kernels::projection_width(model.hidden_act, F) + F;
}

/// The input and output of attention's core, and with qk_norm the joint projection before it.
SavedElements saved_by_attention(const models::DecoderConfig& model) {
  const int64_t query_width = model.num_attention_heads * model.head_dim;
  const int64_t input_width = query_width + 2 * model.num_key_value_heads * model.head_dim;
  return {query_width + (model.qk_norm ? 2 : 1) * input_width, 0};
}

/// The input and the output of a norm.
SavedElements saved_by_norm(const models::DecoderConfig& model) {
  return {2 * model.hidden_size, 0};
}

/// Pre-activations of the routed experts, and rows where these come from other ranks; activations
/// are made again in backward.
SavedElements saved_by_experts(const models::DecoderConfig& model, int64_t ep) {
  const int64_t K = model.moe.router.num_experts_per_tok;
  const int64_t G = kernels::projection_width(model.hidden_act, model.moe.moe_intermediate_size);
  const int64_t row_width = ep > 1 ? model.hidden_size : 0;
  constexpr int64_t kScoreTensors = 3;  // logits, scores, and scores of the losses
  return {K * (row_width + G) + saved_by_ffn(model, model.moe.shared_expert_intermediate_size),
          kScoreTensors * model.moe.router.num_experts};
}

/// What one block keeps, and what backward computes again and holds for a moment.
struct BlockElements {
  SavedElements kept;
  SavedElements recomputed;
};

BlockElements saved_by_block(const models::DecoderConfig& model, int64_t layer, int64_t ep) {
  const bool has_experts = model.is_moe_layer(layer);
  const SavedElements attention =
      saved_by_norm(model) + saved_by_attention(model) + saved_by_norm(model);
  const SavedElements ffn = has_experts
                                ? saved_by_experts(model, ep)
                                : SavedElements{saved_by_ffn(model, model.intermediate_size), 0};
  switch (model.activation_checkpointing) {
    case models::ActivationCheckpointing::kFull:
      return {{model.hidden_size, 0}, attention + ffn};
    case models::ActivationCheckpointing::kMoe:
      return has_experts ? BlockElements{attention, ffn} : BlockElements{attention + ffn, {}};
    case models::ActivationCheckpointing::kNone:
      break;
  }
  return {attention + ffn, {}};
}

int64_t activation_bytes_per_token(const models::DecoderConfig& model, int64_t ep) {
  const auto num_bytes = [&](const SavedElements& saved) {
    return saved.model * size_of(model.dtype) +
           saved.wide * size_of(accumulation_dtype(model.dtype));
  };
  // The head: the input of its norm, and the gradient that comes with the loss.
  int64_t kept = num_bytes({2 * model.hidden_size, 0});
  int64_t recomputed = 0;
  for (int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const BlockElements block = saved_by_block(model, layer, ep);
    kept += num_bytes(block.kept);
    recomputed = std::max(recomputed, num_bytes(block.recomputed));  // one block at a time
  }
  return kept + recomputed;
}

/// Of the loss: logits of a chunk of tokens and what is computed from them, and the gradient of the
/// head's weight, which comes with it.
int64_t loss_bytes(const models::DecoderConfig& model, int64_t num_tokens) {
  constexpr int64_t kLogitTensors = 2;
  const int64_t num_rows =
      kLogitTensors * std::min(num_tokens, models::kTokensPerLossChunk) + model.hidden_size;
  return checked_mul(checked_mul(model.vocab_size, num_rows),
                     size_of(accumulation_dtype(model.dtype)));
}

/// Whether Muon updates it, with one state, where other optimizers and tensors have two.
bool is_hidden_matrix(const models::PlannedTensor& tensor) {
  switch (tensor.part) {
    case models::DecoderPart::kAttention:
    case models::DecoderPart::kDenseFfn:
    case models::DecoderPart::kRoutedExpert:
    case models::DecoderPart::kSharedExpert:
      return tensor.shape.size() == 2;
    default:
      return false;
  }
}

/// The names of the stored tensors that the rules freeze.
std::set<std::string> frozen_tensors(const models::DecoderConfig& model,
                                     const std::vector<models::PlannedTensor>& tensors,
                                     const std::vector<optim::ParameterRule>& rules) {
  std::vector<Parameter> parameters;
  std::map<std::string, size_t> idx_of;
  for (const models::PlannedTensor& tensor : tensors) {
    const auto [place, is_new] = idx_of.emplace(tensor.stored_in, parameters.size());
    if (is_new) {
      parameters.emplace_back();
      parameters.back().name = tensor.stored_in;
      parameters.back().tensor = at::empty({0});  // rules look at names alone
    }
    parameters[place->second].slices.push_back({tensor.name, tensor.shape});
  }
  optim::apply_rules(rules, model.moe.router.num_experts, parameters);
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) {
    if (parameter.update.is_frozen) {
      names.insert(parameter.name);
    }
  }
  return names;
}

}  // namespace

MemoryPlan plan_memory(const models::DecoderConfig& model,
                       const optim::OptimizerConfig& optimizer,
                       const MemorySettings& settings) {
  const std::vector<models::PlannedTensor> tensors = models::plan_decoder(model);
  const std::set<std::string> frozen = frozen_tensors(model, tensors, optimizer.groups);
  const bool has_muon = optimizer.type == optim::OptimizerType::kMuon;
  MemoryPlan plan;
  for (const models::PlannedTensor& tensor : tensors) {
    const bool is_expert = tensor.part == models::DecoderPart::kRoutedExpert;
    const int64_t sharing_ranks = is_expert ? settings.ep : 1;
    plan.weights += tensor.num_bytes() / sharing_ranks;
    if (frozen.count(tensor.stored_in) > 0) {
      continue;
    }
    const int64_t wide_bytes =
        tensor.num_elements() * size_of(accumulation_dtype(tensor.dtype)) / sharing_ranks;
    const int64_t num_holders = std::max<int64_t>(settings.dp / sharing_ranks, 1);
    const int64_t state_bytes =
        settings.zero == 0 ? wide_bytes : (wide_bytes + num_holders - 1) / num_holders;
    plan.masters += tensor.dtype == at::kBFloat16 ? state_bytes : 0;
    plan.gradients += wide_bytes;
    plan.dense_gradients += is_expert ? 0 : tensor.num_bytes();
    plan.moments += (has_muon && is_hidden_matrix(tensor) ? 1 : 2) * state_bytes;
  }
  const int64_t num_tokens = checked_mul(settings.micro_batch_size, settings.sequence_length);
  plan.activations = checked_mul(num_tokens, activation_bytes_per_token(model, settings.ep));
  plan.loss = loss_bytes(model, num_tokens);
  return plan;
}

}  // namespace hecaton::recipes
