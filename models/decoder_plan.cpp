// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder_plan.h"

#include <utility>

#include "core/parameter.h"
#include "core/shapes.h"
#include "kernels/activation.h"
#include "moe/experts.h"
#include "moe/registry.h"
#include "moe/router.h"

namespace hecaton::models {
namespace {

/// Gathers tensors in the dtype of the model, unless told otherwise.
class Plan {
 public:
  explicit Plan(const DecoderConfig& config) : config_(config) {}

  /// stored_in: empty if the tensor is stored alone, under its name.
  void add(DecoderPart part,
           const std::string& name,
           std::vector<int64_t> shape,
           const std::string& stored_in = "") {
    // Routers decide in the dtype of accumulation, and their weights are kept in it.
    const at::ScalarType dtype =
        part == DecoderPart::kRouter ? accumulation_dtype(config_.dtype) : config_.dtype;
    tensors_.push_back({name, std::move(shape), dtype, part, stored_in.empty() ? name : stored_in});
  }

  void add_attention(const std::string& prefix) {
    const int64_t D = config_.hidden_size;
    const int64_t C = config_.head_dim;
    const int64_t query_rows = config_.num_attention_heads * C;
    const int64_t key_rows = config_.num_key_value_heads * C;
    add(DecoderPart::kAttention, prefix + ".q_proj.weight", {query_rows, D}, prefix + ".qkv");
    add(DecoderPart::kAttention, prefix + ".k_proj.weight", {key_rows, D}, prefix + ".qkv");
    add(DecoderPart::kAttention, prefix + ".v_proj.weight", {key_rows, D}, prefix + ".qkv");
    add(DecoderPart::kAttention, prefix + ".o_proj.weight", {D, query_rows});
    if (config_.qk_norm) {
      add(DecoderPart::kAttention, prefix + ".q_norm.weight", {C});
      add(DecoderPart::kAttention, prefix + ".k_norm.weight", {C});
    }
  }

  /// F: width of the feed-forward part. up, down: where its matrices are stored.
  void add_ffn(DecoderPart part,
               const std::string& prefix,
               int64_t F,
               const std::string& up,
               const std::string& down = "") {
    const int64_t D = config_.hidden_size;
    if (kernels::is_gated(config_.hidden_act)) {
      add(part, prefix + ".gate_proj.weight", {F, D}, up);
    }
    add(part, prefix + ".up_proj.weight", {F, D}, up);
    add(part, prefix + ".down_proj.weight", {D, F}, down);
  }

  void add_moe(const std::string& prefix) {
    add_router(prefix);
    add_experts(prefix);
    const std::string shared = prefix + ".shared_expert";
    if (config_.moe.shared_expert_intermediate_size > 0) {
      add_ffn(DecoderPart::kSharedExpert,
              shared,
              config_.moe.shared_expert_intermediate_size,
              shared + ".up");
    }
  }

  void add_block(int64_t layer) {
    const std::string prefix = "model.layers." + std::to_string(layer);
    const std::vector<int64_t> norm_shape = {config_.hidden_size};
    add(DecoderPart::kNorm, prefix + ".input_layernorm.weight", norm_shape);
    add(DecoderPart::kNorm, prefix + ".post_attention_layernorm.weight", norm_shape);
    add_attention(prefix + ".self_attn");
    if (config_.is_moe_layer(layer)) {
      add_moe(prefix + ".mlp");
    } else {
      add_ffn(
          DecoderPart::kDenseFfn, prefix + ".mlp", config_.intermediate_size, prefix + ".mlp.up");
    }
  }

  std::vector<PlannedTensor> take() { return std::move(tensors_); }

 private:
  void add_router(const std::string& prefix) {
    if (config_.moe.router.type == "top_k") {
      add(DecoderPart::kRouter,
          prefix + ".gate.weight",
          {config_.moe.router.num_experts, config_.hidden_size});
    } else {  // one of the user's own: only itself knows
      add_described(DecoderPart::kRouter,
                    moe::make_router(moe_layer_config(config_))->describe_parameters(prefix));
    }
  }

  void add_experts(const std::string& prefix) {
    const int64_t E = config_.moe.router.num_experts;
    if (config_.moe.experts.type != "ffn") {
      add_foreign_experts(prefix + ".experts.", prefix);
      return;
    }
    for (int64_t expert = 0; expert < E; ++expert) {
      add_ffn(DecoderPart::kRoutedExpert,
              prefix + ".experts." + std::to_string(expert),
              config_.moe.moe_intermediate_size,
              prefix + ".experts.up",
              prefix + ".experts.down");
    }
  }

  /// Makes one expert of the user's own, which alone knows what it holds; the others are like it.
  void add_foreign_experts(const std::string& experts, const std::string& prefix) {
    const std::vector<Parameter> described =
        moe::make_experts(moe_layer_config(config_), {.first = 0, .count = 1})
            ->describe_parameters(prefix, /*first_expert=*/0);
    for (int64_t expert = 0; expert < config_.moe.router.num_experts; ++expert) {
      const auto renamed = [&](const std::string& name) {
        const bool is_own = name.rfind(experts + "0.", 0) == 0;
        return is_own ? experts + std::to_string(expert) + name.substr(experts.size() + 1) : name;
      };
      std::vector<Parameter> parameters = described;
      for (Parameter& parameter : parameters) {
        parameter.name = renamed(parameter.name);
        for (NamedSlice& slice : parameter.slices) {
          slice.name = renamed(slice.name);
        }
      }
      add_described(DecoderPart::kRoutedExpert, parameters);
    }
  }

  void add_described(DecoderPart part, const std::vector<Parameter>& parameters) {
    for (const Parameter& parameter : parameters) {
      for (const NamedSlice& slice : parameter.slices) {
        tensors_.push_back(
            {slice.name, slice.shape, parameter.tensor.scalar_type(), part, parameter.name});
      }
    }
  }

  const DecoderConfig& config_;
  std::vector<PlannedTensor> tensors_;
};

}  // namespace

const std::vector<DecoderPart>& decoder_parts() {
  static const std::vector<DecoderPart> kParts = {DecoderPart::kEmbedding,
                                                  DecoderPart::kAttention,
                                                  DecoderPart::kNorm,
                                                  DecoderPart::kDenseFfn,
                                                  DecoderPart::kRouter,
                                                  DecoderPart::kRoutedExpert,
                                                  DecoderPart::kSharedExpert,
                                                  DecoderPart::kHead};
  return kParts;
}

std::string part_name(DecoderPart part) {
  switch (part) {
    case DecoderPart::kEmbedding:
      return "embedding";
    case DecoderPart::kAttention:
      return "attention";
    case DecoderPart::kNorm:
      return "norms";
    case DecoderPart::kDenseFfn:
      return "dense feed-forward";
    case DecoderPart::kRouter:
      return "routers";
    case DecoderPart::kRoutedExpert:
      return "routed experts";
    case DecoderPart::kSharedExpert:
      return "shared experts";
    case DecoderPart::kHead:
      break;
  }
  return "head";
}

int64_t PlannedTensor::num_elements() const {
  return hecaton::num_elements(shape);
}

int64_t PlannedTensor::num_bytes() const {
  return checked_mul(num_elements(), static_cast<int64_t>(c10::elementSize(dtype)));
}

std::vector<PlannedTensor> plan_decoder(const DecoderConfig& config) {
  const std::vector<int64_t> vocabulary_shape = {config.vocab_size, config.hidden_size};
  Plan plan(config);
  plan.add(DecoderPart::kEmbedding, "model.embed_tokens.weight", vocabulary_shape);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    plan.add_block(layer);
  }
  plan.add(DecoderPart::kNorm, "model.norm.weight", {config.hidden_size});
  if (!config.tie_word_embeddings) {
    plan.add(DecoderPart::kHead, "lm_head.weight", vocabulary_shape);
  }
  return plan.take();
}

ParameterCount count_part(const DecoderConfig& config,
                          const std::vector<PlannedTensor>& tensors,
                          DecoderPart part) {
  ParameterCount count;
  for (const PlannedTensor& tensor : tensors) {
    count.total += tensor.part == part ? tensor.num_elements() : 0;
  }
  const moe::RouterConfig& router = config.moe.router;
  // A dense model may have a router of no experts.
  const bool is_routed = part == DecoderPart::kRoutedExpert && count.total > 0;
  count.active =
      is_routed ? count.total / router.num_experts * router.num_experts_per_tok : count.total;
  return count;
}

ParameterCount count_parameters(const DecoderConfig& config) {
  const std::vector<PlannedTensor> tensors = plan_decoder(config);
  ParameterCount sum;
  for (const DecoderPart part : decoder_parts()) {
    const ParameterCount count = count_part(config, tensors, part);
    sum.total += count.total;
    sum.active += count.active;
  }
  return sum;
}

}  // namespace hecaton::models
