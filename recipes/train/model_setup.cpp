// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/model_setup.h"

#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

models::DecoderMoeConfig moe_config(const Recipe& recipe) {
  const MoeRecipe& moe = recipe.moe;
  models::DecoderMoeConfig config;
  config.layers = recipe.moe_layers();
  config.moe_intermediate_size = moe.moe_intermediate_size;
  config.shared_expert_intermediate_size = moe.shared_expert_intermediate_size;
  config.router = {.type = moe.router.type,
                   .num_experts = moe.num_experts,
                   .num_experts_per_tok = moe.num_experts_per_tok,
                   .score = moe.router.score,
                   .score_after_topk = moe.router.score_after_topk,
                   .norm_topk_prob = moe.router.norm_topk_prob,
                   .scaling_factor = moe.router.scaling_factor,
                   .options = moe.router.options};
  config.experts = {.type = moe.experts.type, .options = moe.experts.options};
  config.capacity = {.factor = moe.capacity_factor, .scope = moe.capacity_scope};
  for (const LossRecipe& loss : moe.losses) {
    config.losses.push_back({.type = loss.type, .coef = loss.coef, .options = loss.options});
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
          .hidden_act = arch.hidden_act,
          .initializer_range = arch.initializer_range,
          .dtype = recipe.model.dtype,
          .activation_checkpointing = recipe.training.activation_checkpointing,
          .moe = moe_config(recipe)};
}

moe::MoeLayerConfig moe_layer_config(const Recipe& recipe) {
  return models::moe_layer_config(decoder_config(recipe));
}

void set_architecture(const models::DecoderConfig& config, Recipe& recipe) {
  recipe.model.dtype = config.dtype;
  recipe.model.arch = {.hidden_size = config.hidden_size,
                       .intermediate_size = config.intermediate_size,
                       .num_hidden_layers = config.num_hidden_layers,
                       .num_attention_heads = config.num_attention_heads,
                       .num_key_value_heads = config.num_key_value_heads,
                       .head_dim = config.head_dim,
                       .vocab_size = config.vocab_size,
                       .rms_norm_eps = config.rms_norm_eps,
                       .rope_theta = config.rope_theta,
                       .tie_word_embeddings = config.tie_word_embeddings,
                       .qk_norm = config.qk_norm,
                       .hidden_act = config.hidden_act,
                       .initializer_range = config.initializer_range};
  MoeRecipe& moe = recipe.moe;
  const moe::RouterConfig& router = config.moe.router;
  moe.num_experts = router.num_experts;
  moe.num_experts_per_tok = router.num_experts_per_tok;
  moe.moe_intermediate_size = config.moe.moe_intermediate_size;
  moe.shared_expert_intermediate_size = config.moe.shared_expert_intermediate_size;
  moe.layers = config.moe.layers;
  moe.router.type = router.type;
  moe.router.options = router.options;
  moe.experts = {.type = config.moe.experts.type, .options = config.moe.experts.options};
  moe.router.score = router.score;
  moe.router.score_after_topk = router.score_after_topk;
  moe.router.norm_topk_prob = router.norm_topk_prob;
  moe.router.scaling_factor = router.scaling_factor;
  moe.capacity_factor = config.moe.capacity.factor;
  moe.capacity_scope = config.moe.capacity.scope;
}

optim::OptimizerConfig optimizer_config(const Recipe& recipe) {
  const OptimizerRecipe& optimizer = recipe.optimizer;
  optim::OptimizerConfig config;
  config.type =
      optimizer.type == "muon" ? optim::OptimizerType::kMuon : optim::OptimizerType::kAdamW;
  config.settings = {.momentum = optimizer.momentum,
                     .adamw = {.beta1 = optimizer.betas[0],
                               .beta2 = optimizer.betas[1],
                               .eps = optimizer.eps,
                               .weight_decay = optimizer.weight_decay}};
  for (const ParameterGroupRecipe& group : optimizer.groups) {
    config.groups.push_back({.match = group.match,
                             .update = {.lr_scale = group.lr_scale,
                                        .weight_decay = group.weight_decay,
                                        .is_frozen = group.frozen}});
  }
  return config;
}

optim::ScheduleConfig schedule_config(const Recipe& recipe) {
  const int64_t max_steps = recipe.training.max_steps;
  return {.type = recipe.lr_scheduler.type,
          .lr = recipe.optimizer.lr,
          .warmup_steps = recipe.lr_scheduler.num_warmup_steps(max_steps),
          .max_steps = max_steps,
          .min_lr_ratio = recipe.lr_scheduler.min_lr_ratio,
          .decay_steps = recipe.lr_scheduler.num_decay_steps(max_steps)};
}

}  // namespace hecaton::recipes
