// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

#include "core/options.h"
#include "kernels/activation_kind.h"
#include "models/activation_checkpointing.h"
#include "moe/capacity_scope.h"
#include "moe/router_config.h"
#include "optim/schedule.h"
#include "recipes/data/token_array.h"

namespace hecaton::recipes {

// A recipe describes one run. The structs mirror its YAML: the path of a key is the path of the
// member. Ranges of single keys stand in schema.cpp, rules across keys below.

/// Largest micro_batch_size, gradient_accumulation_steps, dp and ep: the product of three of them
/// stays within 63 bits.
constexpr int64_t kMaxBatchFactor = int64_t{1} << 20;

enum class OnNonfinite { kStop, kSkip };
enum class DataFormat { kText, kTokens, kMegatron, kPromptCompletion, kMessages };
enum class TrainOn { kAssistant, kCompletion, kAll };
enum class OverlongExamples { kError, kTruncate, kDrop };

/// Shape of the decoder, spelt as in Hugging Face's config.json. Defaults: ours, a model that a
/// laptop trains, unless stated.
struct ArchRecipe {
  int64_t hidden_size = 256;         ///< D, model width. At least 1.
  int64_t intermediate_size = 1024;  ///< Width of the dense feed-forward. At least 1.
  int64_t num_hidden_layers = 4;     ///< Decoder blocks. At least 1.
  int64_t num_attention_heads = 4;   ///< Query heads. At least 1.
  /// Key and value heads; divides num_attention_heads. Unset: as many as query heads.
  std::optional<int64_t> num_key_value_heads = {};
  /// Width of a head; even. Unset: hidden_size / num_attention_heads.
  std::optional<int64_t> head_dim = {};
  /// V, rows of the embedding. At least 1. Unset: the tokenizer's.
  std::optional<int64_t> vocab_size = {};
  double rms_norm_eps = 1e-5;        ///< Added to the mean square. Above 0. Default: OLMoE.
  double rope_theta = 10000.0;       ///< Base of the rotary angles. Above 0. Default: RoFormer.
  bool tie_word_embeddings = false;  ///< The head is the embedding.
  bool qk_norm = false;              ///< RMSNorm on queries and keys, before the rotation.
  /// Of every feed-forward. Default: Mixtral.
  kernels::Activation hidden_act = kernels::Activation::kSwiGlu;
  /// Standard deviation of the initial weights. Above 0. Default: GPT-2.
  double initializer_range = 0.02;

  bool operator==(const ArchRecipe&) const = default;
};

struct ModelRecipe {
  /// Run folder, step folder or model folder to start from; it also gives the architecture. Unset:
  /// random weights.
  std::optional<std::string> base_model = {};
  at::ScalarType dtype = at::kFloat;  ///< Of the weights and activations.
  ArchRecipe arch;

  bool operator==(const ModelRecipe&) const = default;
};

struct RouterRecipe {
  std::string type = "top_k";  ///< Registered router.
  /// From logits to scores. Default: Mixtral.
  moe::RouterScore score = moe::RouterScore::kSoftmax;
  /// Scores over the chosen experts alone. With softmax it needs K > 1.
  bool score_after_topk = false;
  bool norm_topk_prob = true;   ///< A token's weights sum to 1. Needs K > 1.
  double scaling_factor = 1.0;  ///< Factor on the weights. Above 0.
  Options options = {};         ///< Of this type alone.

  bool operator==(const RouterRecipe&) const = default;
};

struct ExpertsRecipe {
  std::string type = "ffn";  ///< Registered kind of experts.
  Options options = {};      ///< Of this type alone.

  bool operator==(const ExpertsRecipe&) const = default;
};

/// One balancing loss.
struct LossRecipe {
  std::string type = "switch";  ///< Registered loss; "switch" balances load, "z" bounds logits.
  double coef = 0.01;    ///< Factor in the total loss. At least 0. Default: arXiv 2101.03961.
  Options options = {};  ///< Of this type alone.

  bool operator==(const LossRecipe&) const = default;
};

struct MoeRecipe {
  int64_t num_experts = 8;          ///< E, routed experts per layer. At least 1. Default: Mixtral.
  int64_t num_experts_per_tok = 2;  ///< K. 1 to num_experts. Default: Mixtral.
  int64_t moe_intermediate_size = 256;          ///< F, width of one expert. At least 1.
  int64_t shared_expert_intermediate_size = 0;  ///< Width of the shared expert. 0: none.
  /// Layers whose feed-forward is an MoE layer, as indices from 0. Unset: all. Empty: none.
  std::optional<std::vector<int64_t>> layers = {};
  RouterRecipe router;
  ExpertsRecipe experts;
  /// Room per expert over its even share. 1e-6 to 1e6. Unset: dropless.
  std::optional<double> capacity_factor = {};
  /// Tokens among which an expert's room is counted.
  moe::CapacityScope capacity_scope = moe::CapacityScope::kSequence;
  /// Each type at most once.
  std::vector<LossRecipe> losses = {LossRecipe{}};

  bool operator==(const MoeRecipe&) const = default;
};

struct TokenizerRecipe {
  std::string type = "bytes";  ///< Registered tokenizer.

  bool operator==(const TokenizerRecipe&) const = default;
};

/// Documents or examples. docs/data.md describes the formats.
struct DataSourceRecipe {
  std::string path = {};                  ///< File or folder, relative to the current folder.
  DataFormat format = DataFormat::kText;  ///< How documents are stored.
  /// Endings of the files of a folder that are read, such as ".md". Empty: all files.
  std::vector<std::string> extensions = {};
  /// Share of the training samples, relative to the other sources'. Above 0. All sources have one
  /// or none has. Unset: shares by size.
  std::optional<double> weight = {};
  /// How ids are stored in a file of format tokens. Unset: uint16.
  std::optional<TokenType> dtype = {};
  /// Id of the last token of each document in a file of format tokens. At least 0. Unset: the file
  /// is one document.
  std::optional<int64_t> document_end_id = {};

  /// Whether it holds examples with prompts, not documents.
  bool has_examples() const {
    return format == DataFormat::kPromptCompletion || format == DataFormat::kMessages;
  }

  bool operator==(const DataSourceRecipe&) const = default;
};

struct DatasetRecipe {
  std::vector<DataSourceRecipe> train = {};       ///< At least one.
  std::vector<DataSourceRecipe> validation = {};  ///< Empty: none, or validation_fraction.
  /// Share of the training documents held out. In [0, 1); 0 if `validation` is given.
  double validation_fraction = 0.0;
  int64_t sequence_length = 256;          ///< Q, tokens per sequence. At least 1.
  bool packing = true;                    ///< A sequence may hold several documents or examples.
  bool cross_document_attention = false;  ///< Tokens see the earlier documents of their sequence.
  /// The tokens of an example that are targets. Default: all that the assistant says.
  TrainOn train_on = TrainOn::kAssistant;
  /// Examples that do not fit into a sequence. Default: nothing is lost silently.
  OverlongExamples overlong_examples = OverlongExamples::kError;

  bool operator==(const DatasetRecipe&) const = default;
};

struct TrainingRecipe {
  /// Sequences per rank and pass. 1 to 1048576. Unset: follows from the other two, else 8. Set
  /// global_batch_size and gradient_accumulation_steps instead and every number of ranks cuts a
  /// step into the same micro-batches, which losses of micro-batch scope depend on.
  std::optional<int64_t> micro_batch_size;
  /// Sequences per optimizer step, over all ranks. 1 to 2147483647. Unset: follows from the other
  /// two.
  std::optional<int64_t> global_batch_size = {};
  /// Passes per optimizer step. 1 to 1048576. Unset: follows from the other two, else 1.
  std::optional<int64_t> gradient_accumulation_steps = {};
  int64_t max_steps = 0;                      ///< Optimizer steps of the run. At least 1. Required.
  std::optional<double> max_grad_norm = 1.0;  ///< Clipping threshold. Above 0. Unset: no clipping.
  /// What a block computes again in backward instead of keeping it.
  models::ActivationCheckpointing activation_checkpointing = models::ActivationCheckpointing::kNone;
  std::optional<int64_t> num_threads = {};  ///< Per rank. At least 1. Unset: share of the cores.
  /// Minutes after which the run saves and stops, as if told by a signal. Above 0. Unset: no limit.
  std::optional<double> max_minutes = {};
  /// What happens to a step whose loss or gradient norm is not finite.
  OnNonfinite on_nonfinite = OnNonfinite::kStop;

  bool operator==(const TrainingRecipe&) const = default;
};

/// What the optimizer does differently with the parameters whose global names match.
struct ParameterGroupRecipe {
  std::string match = {};                   ///< Shell pattern for the whole name.
  double lr_scale = 1.0;                    ///< Factor on the learning rate. Above 0.
  std::optional<double> weight_decay = {};  ///< At least 0. Unset: the optimizer's, none for norms.
  bool frozen = false;                      ///< Not trained at all.

  bool operator==(const ParameterGroupRecipe&) const = default;
};

/// Defaults: those of published pretraining runs (OLMoE, Llama) but for the learning rate, ours.
struct OptimizerRecipe {
  std::string type = "adamw";              ///< "adamw", or "muon" for matrices and adamw elsewhere.
  double lr = 3e-4;                        ///< Peak learning rate. Above 0.
  std::array<double, 2> betas{0.9, 0.95};  ///< Decay of the two moments. Each in [0, 1).
  double eps = 1e-8;                       ///< Added to the denominator. Above 0.
  double weight_decay = 0.1;               ///< Decoupled, per unit of lr. At least 0.
  double momentum = 0.95;                  ///< Of muon. In [0, 1). Default: Jordan's.
  std::vector<ParameterGroupRecipe> groups = {};  ///< The first match wins.

  bool operator==(const OptimizerRecipe&) const = default;
};

struct LrSchedulerRecipe {
  optim::ScheduleType type = optim::ScheduleType::kCosine;  ///< Shape after the warm-up.
  /// Linear warm-up: a whole number of steps, or a share of max_steps in (0, 1).
  double warmup_steps = 0.0;
  double min_lr_ratio = 0.1;  ///< Smallest learning rate over lr. In [0, 1]. Default: Llama.
  /// The way down of linear, cosine and wsd: steps, or a share of max_steps in (0, 1). Unset: all
  /// steps after the warm-up; for wsd a tenth of the run.
  std::optional<double> decay_steps = {};

  /// The warm-up in steps; a share is rounded to the nearest step.
  int64_t num_warmup_steps(int64_t max_steps) const;
  /// The way down in steps, at least 1; unset if decay_steps is.
  std::optional<int64_t> num_decay_steps(int64_t max_steps) const;

  bool operator==(const LrSchedulerRecipe&) const = default;
};

struct ParallelRecipe {
  std::optional<int64_t> dp =
      {};            ///< Ranks that split the batch. 1 to 1048576. Unset: "auto", all.
  int64_t ep = 1;    ///< Ranks that split the experts. Divides dp and num_experts.
  int64_t zero = 1;  ///< What holders of a parameter share out. 0: nothing; 1: optimizer state.
  double timeout_s = 600.0;        ///< Longest wait for other ranks. Above 0.
  bool check_collectives = false;  ///< Compare what ranks issue before data moves.

  bool operator==(const ParallelRecipe&) const = default;
};

struct CheckpointRecipe {
  /// Steps between two saves. At least 1. Unset: after the last step, and when asked to stop.
  std::optional<int64_t> save_steps = {};
  /// Checkpoints kept; the oldest go first. At least 1. Unset: all.
  std::optional<int64_t> save_total_limit = {};
  /// Also save when an evaluation is the best so far; that checkpoint is kept whatever its age.
  bool save_best = false;
  /// "auto": go on from the newest checkpoint of output_dir, if there is one. Unset: output_dir
  /// must be empty. Else a run folder or step folder to go on from.
  std::optional<std::string> resume = "auto";
  bool allow_changes = false;  ///< Go on although seed, data or batch are not those of before.

  bool operator==(const CheckpointRecipe&) const = default;
};

struct LoggingRecipe {
  int64_t logging_steps = 10;  ///< Steps between two console lines. At least 1.

  bool operator==(const LoggingRecipe&) const = default;
};

struct EvaluationRecipe {
  /// Steps between two evaluations. At least 1. Unset: before the first step and after the last.
  std::optional<int64_t> eval_steps = {};
  /// Batches of training.global_batch_size per evaluation. At least 1. Unset: the whole set.
  std::optional<int64_t> eval_batches = {};

  bool operator==(const EvaluationRecipe&) const = default;
};

struct Recipe {
  std::string recipe = "pretrain";  ///< Kind of run: "pretrain", or "sft" from a base model.
  int64_t seed = 1234;              ///< Of every random stream. At least 0.
  std::string output_dir = {};      ///< The run folder. Default: runs/ and the recipe file's stem.
  ModelRecipe model;
  MoeRecipe moe;
  TokenizerRecipe tokenizer;
  DatasetRecipe dataset;
  TrainingRecipe training;
  OptimizerRecipe optimizer;
  LrSchedulerRecipe lr_scheduler;
  ParallelRecipe parallel;
  CheckpointRecipe checkpoint;
  LoggingRecipe logging;
  EvaluationRecipe evaluation;

  /// Indices of the layers with experts, ascending.
  std::vector<int64_t> moe_layers() const;

  bool operator==(const Recipe&) const = default;
};

/// A rule across several keys.
struct RecipeRule {
  /// Keys that the rule reads; the first one carries the fault.
  std::vector<std::string> keys = {};
  /// What is wrong, or nothing. Each key is within its own range.
  std::function<std::optional<std::string>(const Recipe&)> broken_by;
};

/// Every rule across keys that a recipe alone can break.
const std::vector<RecipeRule>& recipe_rules();

/// Fits the recipe to the number of ranks that split the batch: sets whichever of
/// training.micro_batch_size, global_batch_size and gradient_accumulation_steps is unset.
///
/// dp:          data-parallel ranks, at least 1.
/// Errors:      ConfigError with the numbers unless global_batch_size = micro_batch_size *
///              gradient_accumulation_steps * dp has a solution with factors up to kMaxBatchFactor.
void resolve_batch(Recipe& recipe, int64_t dp);

/// Errors: ConfigError listing each axis that does not fit the number of ranks.
void check_world(const Recipe& recipe, int64_t world_size);

}  // namespace hecaton::recipes
