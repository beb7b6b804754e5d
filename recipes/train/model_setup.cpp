// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/model_setup.h"

#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32:
      return at::kFloat;
    case Dtype::kBfloat16:
      return at::kBFloat16;
    case Dtype::kFloat64:
      break;
  }
  return at::kDouble;
}

kernels::Activation activation(Activation act) {
  switch (act) {
    case Activation::kSwiglu:
      return kernels::Activation::kSwiGlu;
    case Activation::kGeglu:
      return kernels::Activation::kGeGlu;
    case Activation::kGelu:
      return kernels::Activation::kGelu;
    case Activation::kRelu2:
      break;
  }
  return kernels::Activation::kSquaredRelu;
}

moe::CapacityScope capacity_scope(CapacityScope scope) {
  switch (scope) {
    case CapacityScope::kSequence:
      return moe::CapacityScope::kSequence;
    case CapacityScope::kMicroBatch:
      return moe::CapacityScope::kMicroBatch;
    case CapacityScope::kRank:
      break;
  }
  return moe::CapacityScope::kRank;
}

models::DecoderMoeConfig moe_config(const Recipe& recipe) {
  const MoeRecipe& moe = recipe.moe;
  models::DecoderMoeConfig config;
  config.layers = recipe.moe_layers();
  config.moe_intermediate_size = moe.moe_intermediate_size;
  config.shared_expert_intermediate_size = moe.shared_expert_intermediate_size;
  config.router = {.num_experts = moe.num_experts,
                   .num_experts_per_tok = moe.num_experts_per_tok,
                   .score = moe.router.score == RouterScore::kSoftmax ? moe::RouterScore::kSoftmax
                                                                      : moe::RouterScore::kSigmoid,
                   .score_after_topk = moe.router.score_after_topk,
                   .norm_topk_prob = moe.router.norm_topk_prob,
                   .scaling_factor = moe.router.scaling_factor};
  config.capacity = {.factor = moe.capacity_factor, .scope = capacity_scope(moe.capacity_scope)};
  for (const LossRecipe& loss : moe.losses) {
    config.losses.push_back(
        {.type = loss.type == "z" ? moe::RoutingLossType::kZ : moe::RoutingLossType::kSwitch,
         .coef = loss.coef});
  }
  return config;
}

}  // namespace

models::DecoderConfig decoder_config(const Recipe& recipe) {
  const ArchRecipe& arch = recipe.model.arch;
  return {.hidden_size = arch.hidden_size,
          .intermediate_size = arch.intermediate_size,
          .num_hidden_layers = arch.num_hidden_layers,
          .num_attention_heads = arch.num_attention_heads,
          .num_key_value_heads = arch.num_key_value_heads.value_or(arch.num_attention_heads),
          .head_dim = arch.head_dim.value_or(arch.hidden_size / arch.num_attention_heads),
          .vocab_size = arch.vocab_size.value_or(ByteTokenizer::kVocabSize),
          .rms_norm_eps = arch.rms_norm_eps,
          .rope_theta = arch.rope_theta,
          .tie_word_embeddings = arch.tie_word_embeddings,
          .qk_norm = arch.qk_norm,
          .hidden_act = activation(arch.hidden_act),
          .initializer_range = arch.initializer_range,
          .dtype = scalar_type(recipe.model.dtype),
          .moe = moe_config(recipe)};
}

optim::AdamWConfig adamw_config(const Recipe& recipe) {
  return {.beta1 = recipe.optimizer.betas[0],
          .beta2 = recipe.optimizer.betas[1],
          .eps = recipe.optimizer.eps,
          .weight_decay = recipe.optimizer.weight_decay};
}

optim::ScheduleConfig schedule_config(const Recipe& recipe) {
  const int64_t max_steps = recipe.training.max_steps;
  return {.type = recipe.lr_scheduler.type == "constant" ? optim::ScheduleType::kConstant
                                                         : optim::ScheduleType::kCosine,
          .lr = recipe.optimizer.lr,
          .warmup_steps = recipe.lr_scheduler.num_warmup_steps(max_steps),
          .max_steps = max_steps,
          .min_lr_ratio = recipe.lr_scheduler.min_lr_ratio};
}

}  // namespace hecaton::recipes
