// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/config_faults.h"
#include "core/error.h"
#include "recipes/config/yaml_scalar.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

using Broken = std::optional<std::string>;

std::string name_value(const std::string& name, int64_t value) {
  return name + " = " + std::to_string(value);
}

std::string found(int64_t value) {
  return ", found " + std::to_string(value);
}

Broken too_many_per_token(const Recipe& recipe) {
  const MoeRecipe& moe = recipe.moe;
  if (moe.num_experts_per_tok <= moe.num_experts) {
    return std::nullopt;
  }
  return "must be at most " + name_value("moe.num_experts", moe.num_experts) +
         found(moe.num_experts_per_tok);
}

Broken constant_router_weight(const Recipe& recipe) {
  if (recipe.moe.num_experts_per_tok > 1 || !recipe.moe.router.norm_topk_prob) {
    return std::nullopt;
  }
  return "must be false when moe.num_experts_per_tok is 1: a weight that is always 1 does not "
         "train the router";
}

Broken constant_scores(const Recipe& recipe) {
  const RouterRecipe& router = recipe.moe.router;
  if (recipe.moe.num_experts_per_tok > 1 || router.score != moe::RouterScore::kSoftmax ||
      !router.score_after_topk) {
    return std::nullopt;
  }
  return "must be false when moe.num_experts_per_tok is 1 and moe.router.score is softmax: a "
         "score that is always 1 does not train the router";
}

Broken heads_do_not_split_width(const Recipe& recipe) {
  const ArchRecipe& arch = recipe.model.arch;
  if (arch.head_dim || arch.hidden_size % arch.num_attention_heads == 0) {
    return std::nullopt;
  }
  return "must be a multiple of " +
         name_value("model.arch.num_attention_heads", arch.num_attention_heads) +
         " unless head_dim is given" + found(arch.hidden_size);
}

Broken key_heads_do_not_split_heads(const Recipe& recipe) {
  const ArchRecipe& arch = recipe.model.arch;
  const int64_t num_key_value_heads = arch.num_key_value_heads.value_or(arch.num_attention_heads);
  if (arch.num_attention_heads % num_key_value_heads == 0) {
    return std::nullopt;
  }
  return "must divide " + name_value("model.arch.num_attention_heads", arch.num_attention_heads) +
         found(num_key_value_heads);
}

Broken head_cannot_rotate(const Recipe& recipe) {
  const ArchRecipe& arch = recipe.model.arch;
  if (heads_do_not_split_width(recipe)) {
    return std::nullopt;
  }
  const int64_t head_dim = arch.head_dim.value_or(arch.hidden_size / arch.num_attention_heads);
  if (head_dim % 2 == 0) {
    return std::nullopt;
  }
  return "must be even for the rotary embedding" + found(head_dim) +
         (arch.head_dim ? "" : " = hidden_size / num_attention_heads");
}

Broken experts_do_not_split(const Recipe& recipe) {
  const bool has_moe_layers = !recipe.moe.layers || !recipe.moe.layers->empty();
  if (!has_moe_layers || recipe.moe.num_experts % recipe.parallel.ep == 0) {
    return std::nullopt;
  }
  return "must divide " + name_value("moe.num_experts", recipe.moe.num_experts) +
         found(recipe.parallel.ep);
}

Broken expert_ranks_do_not_split_ranks(const Recipe& recipe) {
  const ParallelRecipe& parallel = recipe.parallel;
  if (!parallel.dp || *parallel.dp % parallel.ep == 0) {
    return std::nullopt;
  }
  return "must divide " + name_value("parallel.dp", *parallel.dp) + found(parallel.ep);
}

Broken nothing_to_tune(const Recipe& recipe) {
  if (recipe.recipe != "sft" || recipe.model.base_model) {
    return std::nullopt;
  }
  return "sft needs model.base_model, the model to start from";
}

Broken wrong_layers(const Recipe& recipe) {
  std::set<int64_t> seen;
  for (const int64_t layer : recipe.moe.layers.value_or(std::vector<int64_t>{})) {
    if (layer >= recipe.model.arch.num_hidden_layers) {
      return "must be below " +
             name_value("model.arch.num_hidden_layers", recipe.model.arch.num_hidden_layers) +
             found(layer);
    }
    if (!seen.insert(layer).second) {
      return "names layer " + std::to_string(layer) + " twice";
    }
  }
  return std::nullopt;
}

Broken repeated_loss(const Recipe& recipe) {
  std::set<std::string> seen;
  for (const LossRecipe& loss : recipe.moe.losses) {
    if (!seen.insert(loss.type).second) {
      return "names the type " + loss.type + " twice";
    }
  }
  return std::nullopt;
}

Broken two_validation_sets(const Recipe& recipe) {
  const DatasetRecipe& dataset = recipe.dataset;
  if (dataset.validation.empty() || dataset.validation_fraction == 0.0) {
    return std::nullopt;
  }
  return "must be 0 when dataset.validation is given, found " +
         print_number(dataset.validation_fraction);
}

Broken nothing_to_decay(const Recipe& recipe) {
  using optim::ScheduleType;
  const ScheduleType type = recipe.lr_scheduler.type;
  const bool has_way_down = type != ScheduleType::kConstant && type != ScheduleType::kInverseSqrt;
  if (has_way_down || !recipe.lr_scheduler.decay_steps) {
    return std::nullopt;
  }
  return "must be null unless lr_scheduler.type is linear, cosine or wsd, found " +
         print_number(*recipe.lr_scheduler.decay_steps);
}

/// Steps, given as such or as a share of the run.
int64_t num_steps(double steps_or_share, int64_t max_steps) {
  const bool is_share = steps_or_share > 0.0 && steps_or_share < 1.0;
  return std::llround(is_share ? steps_or_share * static_cast<double>(max_steps) : steps_or_share);
}

Broken held_out_of_no_text(const Recipe& recipe) {
  const std::vector<DataSourceRecipe>& train = recipe.dataset.train;
  const bool is_all_text = std::all_of(train.begin(), train.end(), [](const auto& source) {
    return source.format == DataFormat::kText;
  });
  if (recipe.dataset.validation_fraction == 0.0 || is_all_text) {
    return std::nullopt;
  }
  return "holds whole files of format text out, so it must be 0 when dataset.train has another "
         "format; give dataset.validation";
}

Broken some_weights(const Recipe& recipe) {
  const std::vector<DataSourceRecipe>& train = recipe.dataset.train;
  const auto num_weights = std::count_if(
      train.begin(), train.end(), [](const auto& source) { return source.weight.has_value(); });
  if (num_weights == 0 || num_weights == static_cast<int64_t>(train.size())) {
    return std::nullopt;
  }
  return "must have a weight in every entry or in none, found " + std::to_string(num_weights) +
         " in " + std::to_string(train.size()) + " entries";
}

/// A key of a source that its format has no use for. sources: dataset.train or validation.
Broken useless_source_key(const std::vector<DataSourceRecipe>& sources) {
  for (size_t idx = 0; idx < sources.size(); ++idx) {
    const DataSourceRecipe& source = sources[idx];
    const std::string entry = "entry " + std::to_string(idx);
    const bool is_tokens = source.format == DataFormat::kTokens;
    if (!is_tokens && (source.dtype || source.document_end_id)) {
      return entry + " must have format tokens for dtype and document_end_id";
    }
    if ((is_tokens || source.format == DataFormat::kMegatron) && !source.extensions.empty()) {
      return entry + " must have no extensions: its format is one file and no folder";
    }
  }
  return std::nullopt;
}

Broken crossing_what_is_apart(const Recipe& recipe) {
  const DatasetRecipe& dataset = recipe.dataset;
  if (!dataset.cross_document_attention) {
    return std::nullopt;
  }
  if (!dataset.packing) {
    return "must be false when dataset.packing is false: a sequence holds one document";
  }
  for (const std::vector<DataSourceRecipe>& sources : {dataset.train, dataset.validation}) {
    for (const DataSourceRecipe& source : sources) {
      if (source.has_examples()) {
        return "must be false with examples, found " + source.path + ": they are kept apart";
      }
    }
  }
  return std::nullopt;
}

constexpr int64_t kDefaultMicroBatchSize = 8;  // sequences; ours

Broken vocabulary_too_small(const Recipe& recipe) {
  const std::optional<int64_t> vocab_size = recipe.model.arch.vocab_size;
  if (!vocab_size || *vocab_size >= ByteTokenizer::kVocabSize) {
    return std::nullopt;
  }
  return "must be at least the tokenizer's " + std::to_string(ByteTokenizer::kVocabSize) +
         found(*vocab_size);
}

/// dp: unset if the number of ranks is not known yet.
Broken batch_does_not_split(const TrainingRecipe& training, std::optional<int64_t> dp) {
  if (!training.global_batch_size) {
    return std::nullopt;
  }
  int64_t product = 1;
  int64_t num_factors = 0;
  std::string factors;
  const auto multiply = [&](const char* name, std::optional<int64_t> factor) {
    if (factor) {
      product *= *factor;
      factors +=
          std::string(num_factors++ == 0 ? "" : " * ") + name + " " + std::to_string(*factor);
    }
  };
  multiply("micro_batch_size", training.micro_batch_size);
  multiply("gradient_accumulation_steps", training.gradient_accumulation_steps);
  multiply("dp", dp);
  if (num_factors > 1) {
    factors += " = " + std::to_string(product);
  }
  const bool is_complete = num_factors == 3;
  const bool is_split = is_complete ? *training.global_batch_size == product
                                    : *training.global_batch_size % product == 0;
  if (dp && *training.global_batch_size / product > kMaxBatchFactor) {
    return "must be at most " + std::to_string(kMaxBatchFactor) + " * " + factors +
           found(*training.global_batch_size);
  }
  if (is_split) {
    return std::nullopt;
  }
  return std::string(is_complete ? "must be " : "must be a multiple of ") + factors +
         found(*training.global_batch_size);
}

}  // namespace

int64_t LrSchedulerRecipe::num_warmup_steps(int64_t max_steps) const {
  return num_steps(warmup_steps, max_steps);
}

std::optional<int64_t> LrSchedulerRecipe::num_decay_steps(int64_t max_steps) const {
  if (!decay_steps) {
    return std::nullopt;
  }
  return std::max<int64_t>(1, num_steps(*decay_steps, max_steps));
}

std::vector<int64_t> Recipe::moe_layers() const {
  if (moe.layers) {
    std::vector<int64_t> layers = *moe.layers;
    std::sort(layers.begin(), layers.end());
    return layers;
  }
  std::vector<int64_t> layers(static_cast<size_t>(model.arch.num_hidden_layers));
  std::iota(layers.begin(), layers.end(), 0);
  return layers;
}

const std::vector<RecipeRule>& recipe_rules() {
  static const std::vector<RecipeRule> kRules = {
      {{"recipe", "model.base_model"}, nothing_to_tune},
      {{"moe.num_experts_per_tok", "moe.num_experts"}, too_many_per_token},
      {{"moe.router.norm_topk_prob", "moe.num_experts_per_tok"}, constant_router_weight},
      {{"moe.router.score_after_topk", "moe.num_experts_per_tok", "moe.router.score"},
       constant_scores},
      {{"model.arch.hidden_size", "model.arch.num_attention_heads", "model.arch.head_dim"},
       heads_do_not_split_width},
      {{"model.arch.num_key_value_heads", "model.arch.num_attention_heads"},
       key_heads_do_not_split_heads},
      {{"model.arch.head_dim", "model.arch.hidden_size", "model.arch.num_attention_heads"},
       head_cannot_rotate},
      {{"model.arch.vocab_size"}, vocabulary_too_small},
      {{"parallel.ep", "moe.num_experts", "moe.layers"}, experts_do_not_split},
      {{"parallel.ep", "parallel.dp"}, expert_ranks_do_not_split_ranks},
      {{"moe.layers", "model.arch.num_hidden_layers"}, wrong_layers},
      {{"moe.losses"}, repeated_loss},
      {{"dataset.validation_fraction", "dataset.validation"}, two_validation_sets},
      {{"lr_scheduler.decay_steps", "lr_scheduler.type"}, nothing_to_decay},
      {{"dataset.validation_fraction", "dataset.train"}, held_out_of_no_text},
      {{"dataset.train"}, some_weights},
      {{"dataset.train"},
       [](const Recipe& recipe) { return useless_source_key(recipe.dataset.train); }},
      {{"dataset.validation"},
       [](const Recipe& recipe) { return useless_source_key(recipe.dataset.validation); }},
      {{"dataset.cross_document_attention",
        "dataset.packing",
        "dataset.train",
        "dataset.validation"},
       crossing_what_is_apart},
      {{"training.global_batch_size",
        "training.micro_batch_size",
        "training.gradient_accumulation_steps",
        "parallel.dp"},
       [](const Recipe& recipe) {
         return batch_does_not_split(recipe.training, recipe.parallel.dp);
       }},
  };
  return kRules;
}

void resolve_batch(Recipe& recipe, int64_t dp) {
  TrainingRecipe& training = recipe.training;
  if (const Broken fault = batch_does_not_split(training, dp)) {
    throw ConfigError("training.global_batch_size: " + *fault);
  }
  if (training.global_batch_size && training.micro_batch_size) {
    training.gradient_accumulation_steps =
        *training.global_batch_size / (*training.micro_batch_size * dp);
    return;
  }
  const int64_t num_passes = training.gradient_accumulation_steps.value_or(1);
  training.gradient_accumulation_steps = num_passes;
  if (training.global_batch_size) {
    training.micro_batch_size = *training.global_batch_size / (num_passes * dp);
  } else {
    training.micro_batch_size = training.micro_batch_size.value_or(kDefaultMicroBatchSize);
    training.global_batch_size = *training.micro_batch_size * num_passes * dp;
  }
}

void check_world(const Recipe& recipe, int64_t world_size) {
  const ParallelRecipe& parallel = recipe.parallel;
  const std::string ranks = "the number of ranks " + std::to_string(world_size);
  ConfigFaults faults("parallel");
  const int64_t dp = parallel.dp.value_or(world_size);
  faults.require(dp == world_size, "dp", dp, "must equal " + ranks);
  faults.require(world_size % parallel.ep == 0, "ep", parallel.ep, "must divide " + ranks);
  faults.throw_if_any();
}

}  // namespace hecaton::recipes
