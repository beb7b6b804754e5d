// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_schema.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "recipes/config/codec.h"
#include "recipes/config/component_keys.h"
#include "recipes/config/recipe_codecs.h"

/// A key of Owner whose path is the path of the member.
#define HECATON_KEY(Owner, member, codec, doc) \
  make_key<Owner>(                             \
      #member, doc, [](auto& owner) -> auto& { return owner.member; }, codec)

namespace hecaton::recipes {
namespace {

constexpr int64_t kMaxSize = (int64_t{1} << 31) - 1;
constexpr int64_t kMaxLayers = 65536;

Codec<int64_t> size() {
  return integer(1, kMaxSize);
}

/// The range in which a capacity is counted: moe/capacity.h.
Codec<double> capacity_factor() {
  return number({.min = 1e-6, .max = 1e6});
}

std::vector<Key<DataSourceRecipe>> data_source_keys() {
  const Codec<DataFormat> format = choice<DataFormat>({
      {"text", DataFormat::kText},
      {"tokens", DataFormat::kTokens},
      {"megatron", DataFormat::kMegatron},
      {"prompt_completion", DataFormat::kPromptCompletion},
      {"messages", DataFormat::kMessages},
  });
  const Codec<TokenType> dtype = choice<TokenType>({
      {"uint8", TokenType::kUint8},
      {"uint16", TokenType::kUint16},
      {"uint32", TokenType::kUint32},
      {"int32", TokenType::kInt32},
      {"int64", TokenType::kInt64},
  });
  return {
      HECATON_KEY(DataSourceRecipe, path, text(), "file or folder of documents").required(),
      HECATON_KEY(DataSourceRecipe, format, format, "how documents are stored"),
      HECATON_KEY(DataSourceRecipe,
                  extensions,
                  list_of("file endings", text()),
                  "endings of the files of a folder that are read; empty: all"),
      HECATON_KEY(DataSourceRecipe,
                  dtype,
                  or_null(dtype),
                  "how a file of format tokens stores ids; null: uint16"),
      HECATON_KEY(DataSourceRecipe,
                  document_end_id,
                  or_null(integer(0)),
                  "last id of each document of format tokens; null: the file is one document"),
  };
}

/// Sources that are evaluated in their order: they have no weight.
const Schema<DataSourceRecipe>& validation_source_schema() {
  static const Schema<DataSourceRecipe> kSchema(data_source_keys());
  return kSchema;
}

const Schema<DataSourceRecipe>& train_source_schema() {
  static const Schema<DataSourceRecipe> kSchema = [] {
    std::vector<Key<DataSourceRecipe>> keys = data_source_keys();
    keys.push_back(HECATON_KEY(DataSourceRecipe,
                               weight,
                               or_null(above_zero()),
                               "share of the samples beside the other sources'; null: by size"));
    return Schema<DataSourceRecipe>(std::move(keys));
  }();
  return kSchema;
}

const Schema<LossRecipe>& loss_schema() {
  static const Schema<LossRecipe> kSchema({
      HECATON_KEY(LossRecipe, type, routing_loss_name(), "balancing loss").required(),
      HECATON_KEY(LossRecipe, coef, at_least_zero(), "factor in the total loss").required(),
      HECATON_KEY(LossRecipe, options, options_section(), "settings of this loss alone"),
  });
  return kSchema;
}

const Schema<ParameterGroupRecipe>& parameter_group_schema() {
  static const Schema<ParameterGroupRecipe> kSchema({
      HECATON_KEY(ParameterGroupRecipe,
                  match,
                  text(),
                  "pattern for global parameter names; * stands for any characters")
          .required(),
      HECATON_KEY(ParameterGroupRecipe, lr_scale, above_zero(), "factor on the learning rate"),
      HECATON_KEY(ParameterGroupRecipe,
                  weight_decay,
                  or_null(at_least_zero()),
                  "decay of these, norms and biases included; null: the optimizer's"),
      HECATON_KEY(ParameterGroupRecipe, frozen, boolean(), "do not train these"),
  });
  return kSchema;
}

using Keys = std::vector<Key<Recipe>>;

#define HECATON_RECIPE_KEY(member, codec, doc) HECATON_KEY(Recipe, member, codec, doc)

Keys run_keys() {
  return {
      HECATON_RECIPE_KEY(recipe, name_of({"pretrain", "sft"}), "kind of run"),
      HECATON_RECIPE_KEY(seed, integer(0), "seed of every random stream"),
      HECATON_RECIPE_KEY(output_dir, text(), "run folder; default: runs/ and the recipe's stem"),
  };
}

Keys model_keys() {
  using kernels::Activation;
  const Codec<at::ScalarType> dtype = choice<at::ScalarType>(
      {{"float32", at::kFloat}, {"bfloat16", at::kBFloat16}, {"float64", at::kDouble}});
  const Codec<Activation> activation = choice<Activation>({{"swiglu", Activation::kSwiGlu},
                                                           {"geglu", Activation::kGeGlu},
                                                           {"gelu", Activation::kGelu},
                                                           {"relu2", Activation::kSquaredRelu}});
  return {
      HECATON_RECIPE_KEY(model.base_model,
                         or_null(text()),
                         "run folder, step folder or model folder to start from, which also gives "
                         "the architecture; null: random weights"),
      HECATON_RECIPE_KEY(model.dtype, dtype, "dtype of weights and activations"),
      HECATON_RECIPE_KEY(model.arch.hidden_size, size(), "model width"),
      HECATON_RECIPE_KEY(model.arch.intermediate_size, size(), "width of the dense feed-forward"),
      HECATON_RECIPE_KEY(
          model.arch.num_hidden_layers, integer(1, kMaxLayers), "number of decoder blocks"),
      HECATON_RECIPE_KEY(model.arch.num_attention_heads, size(), "query heads per layer"),
      HECATON_RECIPE_KEY(model.arch.num_key_value_heads,
                         or_null(size()),
                         "key and value heads per layer; null: num_attention_heads"),
      HECATON_RECIPE_KEY(model.arch.head_dim,
                         or_null(size()),
                         "width of a head; null: hidden_size / num_attention_heads"),
      HECATON_RECIPE_KEY(
          model.arch.vocab_size, or_null(size()), "rows of the embedding; null: the tokenizer's"),
      HECATON_RECIPE_KEY(
          model.arch.rms_norm_eps, above_zero(), "added to the mean square of a norm"),
      HECATON_RECIPE_KEY(model.arch.rope_theta, above_zero(), "base of the rotary angles"),
      HECATON_RECIPE_KEY(
          model.arch.tie_word_embeddings, boolean(), "use the embedding as the head"),
      HECATON_RECIPE_KEY(model.arch.qk_norm, boolean(), "normalise queries and keys"),
      HECATON_RECIPE_KEY(model.arch.hidden_act, activation, "activation of every feed-forward"),
      HECATON_RECIPE_KEY(
          model.arch.initializer_range, above_zero(), "standard deviation of the initial weights"),
  };
}

Keys moe_keys() {
  using moe::CapacityScope;
  using moe::RouterScore;
  const Codec<RouterScore> score =
      choice<RouterScore>({{"softmax", RouterScore::kSoftmax}, {"sigmoid", RouterScore::kSigmoid}});
  const Codec<CapacityScope> scope =
      choice<CapacityScope>({{"sequence", CapacityScope::kSequence},
                             {"micro_batch", CapacityScope::kMicroBatch},
                             {"rank", CapacityScope::kRank}});
  return {
      HECATON_RECIPE_KEY(moe.num_experts, size(), "routed experts per MoE layer"),
      HECATON_RECIPE_KEY(moe.num_experts_per_tok, size(), "experts that see each token"),
      HECATON_RECIPE_KEY(moe.moe_intermediate_size, size(), "width of one expert"),
      HECATON_RECIPE_KEY(moe.shared_expert_intermediate_size,
                         integer(0, kMaxSize),
                         "width of the shared expert; 0: none"),
      HECATON_RECIPE_KEY(moe.layers,
                         optional_as("all", layer_list(kMaxLayers)),
                         "layers with experts, counted from 0"),
      HECATON_RECIPE_KEY(moe.router.type, router_name(), "how experts are chosen"),
      HECATON_RECIPE_KEY(moe.router.score, score, "function from router logits to scores"),
      HECATON_RECIPE_KEY(
          moe.router.score_after_topk, boolean(), "compute scores over the chosen experts alone"),
      HECATON_RECIPE_KEY(
          moe.router.norm_topk_prob, boolean(), "divide a token's weights by their sum"),
      HECATON_RECIPE_KEY(moe.router.scaling_factor, above_zero(), "factor on a token's weights"),
      HECATON_RECIPE_KEY(moe.router.options, options_section(), "settings of this router alone"),
      HECATON_RECIPE_KEY(moe.experts.type, experts_name(), "what an expert computes"),
      HECATON_RECIPE_KEY(moe.experts.options, options_section(), "settings of these experts alone"),
      HECATON_RECIPE_KEY(moe.capacity_factor,
                         or_null(capacity_factor()),
                         "room of an expert over its even share; null: drop nothing"),
      HECATON_RECIPE_KEY(
          moe.capacity_scope, scope, "tokens among which an expert's room is counted"),
      HECATON_RECIPE_KEY(moe.losses,
                         list_of("losses", section_of(loss_schema())),
                         "balancing losses, each type at most once"),
  };
}

Keys data_keys() {
  const Codec<std::vector<DataSourceRecipe>> train_sources =
      list_of("files and folders", section_of(train_source_schema()));
  const Codec<std::vector<DataSourceRecipe>> validation_sources =
      list_of("files and folders", section_of(validation_source_schema()));
  const Codec<TrainOn> train_on = choice<TrainOn>({{"assistant", TrainOn::kAssistant},
                                                   {"completion", TrainOn::kCompletion},
                                                   {"all", TrainOn::kAll}});
  const Codec<OverlongExamples> overlong =
      choice<OverlongExamples>({{"error", OverlongExamples::kError},
                                {"truncate", OverlongExamples::kTruncate},
                                {"drop", OverlongExamples::kDrop}});
  return {
      HECATON_RECIPE_KEY(tokenizer.type, name_of({"bytes"}), "how text becomes tokens"),
      HECATON_RECIPE_KEY(dataset.train, not_empty(train_sources), "documents to train on")
          .required(),
      HECATON_RECIPE_KEY(dataset.validation, validation_sources, "documents to evaluate on"),
      HECATON_RECIPE_KEY(
          dataset.validation_fraction, below_one(), "share of the documents held out instead"),
      HECATON_RECIPE_KEY(dataset.sequence_length, size(), "tokens per sequence"),
      HECATON_RECIPE_KEY(
          dataset.packing, boolean(), "let a sequence hold several documents or examples"),
      HECATON_RECIPE_KEY(dataset.cross_document_attention,
                         boolean(),
                         "let tokens see earlier documents of their sequence"),
      HECATON_RECIPE_KEY(dataset.train_on,
                         train_on,
                         "targets of an example: the assistant's words, its last ones, or all"),
      HECATON_RECIPE_KEY(
          dataset.overlong_examples, overlong, "examples that do not fit into a sequence"),
  };
}

Keys training_keys() {
  const Codec<int64_t> factor = integer(1, kMaxBatchFactor);
  using models::ActivationCheckpointing;
  const Codec<ActivationCheckpointing> checkpointing =
      choice<ActivationCheckpointing>({{"none", ActivationCheckpointing::kNone},
                                       {"full", ActivationCheckpointing::kFull},
                                       {"moe", ActivationCheckpointing::kMoe}});
  const Codec<OnNonfinite> on_nonfinite =
      choice<OnNonfinite>({{"stop", OnNonfinite::kStop}, {"skip", OnNonfinite::kSkip}});
  return {
      HECATON_RECIPE_KEY(training.micro_batch_size,
                         or_null(factor),
                         "sequences per rank and pass; null: from the other two, else 8"),
      HECATON_RECIPE_KEY(training.global_batch_size,
                         or_null(size()),
                         "sequences per optimizer step over all ranks; null: the product"),
      HECATON_RECIPE_KEY(training.gradient_accumulation_steps,
                         or_null(factor),
                         "passes per optimizer step; null: from the other two, else 1"),
      HECATON_RECIPE_KEY(training.max_steps, integer(1), "optimizer steps of the run").required(),
      HECATON_RECIPE_KEY(training.max_grad_norm,
                         or_null(above_zero()),
                         "gradient norm above which it is clipped; null: never"),
      HECATON_RECIPE_KEY(training.activation_checkpointing,
                         checkpointing,
                         "what backward computes again instead of keeping it: nothing, whole "
                         "blocks, or MoE layers"),
      HECATON_RECIPE_KEY(training.num_threads,
                         or_null(integer(1, kMaxBatchFactor)),
                         "threads per rank; null: the rank's share of the cores"),
      HECATON_RECIPE_KEY(training.max_minutes,
                         or_null(above_zero()),
                         "minutes after which the run saves and stops; null: no limit"),
      HECATON_RECIPE_KEY(training.on_nonfinite,
                         on_nonfinite,
                         "what happens to a step whose loss or gradient norm is not finite"),
  };
}

Keys optimizer_keys() {
  using optim::ScheduleType;
  const Codec<ScheduleType> schedule =
      choice<ScheduleType>({{"constant", ScheduleType::kConstant},
                            {"linear", ScheduleType::kLinear},
                            {"cosine", ScheduleType::kCosine},
                            {"wsd", ScheduleType::kWsd},
                            {"inverse_sqrt", ScheduleType::kInverseSqrt}});
  return {
      HECATON_RECIPE_KEY(optimizer.type,
                         name_of({"adamw", "muon"}),
                         "update rule; muon is for matrices, with adamw for the rest"),
      HECATON_RECIPE_KEY(optimizer.lr, above_zero(), "peak learning rate"),
      HECATON_RECIPE_KEY(optimizer.betas,
                         pair_of("numbers in [0, 1)", below_one()),
                         "decay of the first and second moment"),
      HECATON_RECIPE_KEY(optimizer.eps, above_zero(), "added to the denominator"),
      HECATON_RECIPE_KEY(optimizer.weight_decay, at_least_zero(), "decoupled decay per unit of lr"),
      HECATON_RECIPE_KEY(optimizer.momentum, below_one(), "decay of muon's momentum"),
      HECATON_RECIPE_KEY(optimizer.groups,
                         list_of("parameter groups", section_of(parameter_group_schema())),
                         "parameters that are treated differently; the first match wins"),
      HECATON_RECIPE_KEY(lr_scheduler.type, schedule, "shape after the warm-up"),
      HECATON_RECIPE_KEY(lr_scheduler.warmup_steps,
                         steps_or_share(0),
                         "steps, or share of max_steps, of linear warm-up"),
      HECATON_RECIPE_KEY(lr_scheduler.min_lr_ratio, share(), "smallest learning rate over lr"),
      HECATON_RECIPE_KEY(lr_scheduler.decay_steps,
                         or_null(steps_or_share(1)),
                         "steps, or share of max_steps, of the way down; null: all after the "
                         "warm-up, for wsd a tenth"),
  };
}

Keys checkpoint_keys() {
  return {
      HECATON_RECIPE_KEY(checkpoint.save_steps,
                         or_null(integer(1)),
                         "steps between two saves; null: only at the end and when asked to stop"),
      HECATON_RECIPE_KEY(checkpoint.save_total_limit,
                         or_null(integer(1)),
                         "checkpoints kept, the oldest go first; null: all"),
      HECATON_RECIPE_KEY(checkpoint.save_best,
                         boolean(),
                         "also save when an evaluation is the best so far, and keep that"),
      HECATON_RECIPE_KEY(checkpoint.resume,
                         or_null(text()),
                         "auto: go on from the newest checkpoint of output_dir; null: start in an "
                         "empty output_dir; else a run folder or step folder to go on from"),
      HECATON_RECIPE_KEY(
          checkpoint.allow_changes, boolean(), "go on although seed, data or batch changed"),
  };
}

Keys running_keys() {
  return {
      HECATON_RECIPE_KEY(parallel.dp,
                         optional_as("auto", integer(1, kMaxBatchFactor)),
                         "ranks that split the batch; auto: all"),
      HECATON_RECIPE_KEY(parallel.ep, integer(1, kMaxBatchFactor), "ranks that split the experts"),
      HECATON_RECIPE_KEY(parallel.zero,
                         integer(0, 1),
                         "1: ranks with the same parameters share out the optimizer's state"),
      HECATON_RECIPE_KEY(parallel.timeout_s,
                         above_zero(),
                         "seconds that a rank waits for others before the run ends with 6"),
      HECATON_RECIPE_KEY(parallel.check_collectives,
                         boolean(),
                         "compare what ranks send each other before they do; slow, to find faults"),
      HECATON_RECIPE_KEY(logging.logging_steps, integer(1), "steps between two console lines"),
      HECATON_RECIPE_KEY(evaluation.eval_steps,
                         or_null(integer(1)),
                         "steps between two evaluations; null: only at start and end"),
      HECATON_RECIPE_KEY(
          evaluation.eval_batches,
          or_null(integer(1)),
          "batches of global_batch_size per evaluation; null: the whole validation set"),
  };
}

Keys all_keys() {
  Keys all;
  for (const Keys& keys : {run_keys(),
                           model_keys(),
                           moe_keys(),
                           data_keys(),
                           training_keys(),
                           optimizer_keys(),
                           checkpoint_keys(),
                           running_keys()}) {
    all.insert(all.end(), keys.begin(), keys.end());
  }
  return all;
}

}  // namespace

const Schema<Recipe>& recipe_schema() {
  static const Schema<Recipe> kSchema(all_keys());
  return kSchema;
}

const std::vector<std::pair<std::string, std::string>>& recipe_sections() {
  static const std::vector<std::pair<std::string, std::string>> kSections = {
      {"model", "The decoder."},
      {"model.arch", "Its shape, spelt as in config.json."},
      {"moe", "Its layers with experts."},
      {"moe.router", "How tokens find their experts."},
      {"moe.experts", "What an expert computes."},
      {"tokenizer", "How text becomes tokens."},
      {"dataset", "What is trained and evaluated on."},
      {"training", "Batches, length, threads."},
      {"optimizer", "How gradients change parameters."},
      {"lr_scheduler", "The learning rate over the steps."},
      {"parallel", "How ranks share the work."},
      {"checkpoint", "What is saved, and where a run goes on."},
      {"logging", "What is reported."},
      {"evaluation", "When the validation data is looked at."},
  };
  return kSections;
}

}  // namespace hecaton::recipes
