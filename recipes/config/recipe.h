// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hecaton::recipes {

// A recipe describes one run. The structs mirror its YAML: the path of a key is the path of the
// member. Ranges of single keys stand in schema.cpp, rules across keys below.

enum class Dtype { kFloat32, kBfloat16, kFloat64 };
enum class Activation { kSwiglu, kGeglu, kGelu, kRelu2 };
enum class RouterScore { kSoftmax, kSigmoid };
enum class CapacityScope { kSequence, kMicroBatch, kRank };

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
  Activation hidden_act = Activation::kSwiglu;  ///< Of every feed-forward. Default: Mixtral.
  /// Standard deviation of the initial weights. Above 0. Default: GPT-2.
  double initializer_range = 0.02;

  bool operator==(const ArchRecipe&) const = default;
};

struct ModelRecipe {
  Dtype dtype = Dtype::kFloat32;  ///< Of the weights and activations.
  ArchRecipe arch;

  bool operator==(const ModelRecipe&) const = default;
};

struct RouterRecipe {
  std::string type = "top_k";                 ///< Registered router.
  RouterScore score = RouterScore::kSoftmax;  ///< From logits to scores. Default: Mixtral.
  bool score_after_topk = false;              ///< Scores over the chosen experts alone.
  bool norm_topk_prob = true;                 ///< A token's weights sum to 1. Needs K > 1.
  double scaling_factor = 1.0;                ///< Factor on the weights. Above 0.

  bool operator==(const RouterRecipe&) const = default;
};

/// One balancing loss.
struct LossRecipe {
  std::string type = "switch";  ///< "switch" (load balance) or "z" (router z-loss).
  double coef = 0.01;  ///< Factor in the total loss. At least 0. Default: arXiv 2101.03961.

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
  /// Room per expert over its even share. Above 0. Unset: dropless.
  std::optional<double> capacity_factor = {};
  /// Tokens among which an expert's room is counted.
  CapacityScope capacity_scope = CapacityScope::kSequence;
  /// Each type at most once.
  std::vector<LossRecipe> losses = {LossRecipe{}};

  bool operator==(const MoeRecipe&) const = default;
};

struct TokenizerRecipe {
  std::string type = "bytes";  ///< Registered tokenizer.

  bool operator==(const TokenizerRecipe&) const = default;
};

/// A file or folder of documents.
struct DataSourceRecipe {
  std::string path = {};        ///< File or folder, relative to the current folder.
  std::string format = "text";  ///< "text": one document per file.
  /// Endings of the files of a folder that are read, such as ".md". Empty: all files.
  std::vector<std::string> extensions = {};

  bool operator==(const DataSourceRecipe&) const = default;
};

struct DatasetRecipe {
  std::vector<DataSourceRecipe> train = {};       ///< At least one.
  std::vector<DataSourceRecipe> validation = {};  ///< Empty: none, or validation_fraction.
  /// Share of the training documents held out. In [0, 1); 0 if `validation` is given.
  double validation_fraction = 0.0;
  int64_t sequence_length = 256;          ///< Q, tokens per sequence. At least 1.
  bool cross_document_attention = false;  ///< Tokens see the earlier documents of their sequence.

  bool operator==(const DatasetRecipe&) const = default;
};

struct TrainingRecipe {
  /// Sequences per rank and pass. 1 to 1048576. Unset: follows from the other two, else 8. Set
  /// global_batch_size and gradient_accumulation_steps instead and every number of ranks cuts a
  /// step into the same micro-batches, which losses of micro-batch scope depend on.
  std::optional<int64_t> micro_batch_size;
  /// Sequences per optimizer step, over all ranks. Unset: follows from the other two.
  std::optional<int64_t> global_batch_size = {};
  /// Passes per optimizer step. 1 to 1048576. Unset: follows from the other two, else 1.
  std::optional<int64_t> gradient_accumulation_steps = {};
  int64_t max_steps = 0;                      ///< Optimizer steps of the run. At least 1. Required.
  std::optional<double> max_grad_norm = 1.0;  ///< Clipping threshold. Above 0. Unset: no clipping.
  std::optional<int64_t> num_threads = {};    ///< Per rank. At least 1. Unset: share of the cores.

  bool operator==(const TrainingRecipe&) const = default;
};

/// Defaults: those of published pretraining runs (OLMoE, Llama) but for the learning rate, ours.
struct OptimizerRecipe {
  std::string type = "adamw";              ///< Registered optimizer.
  double lr = 3e-4;                        ///< Peak learning rate. Above 0.
  std::array<double, 2> betas{0.9, 0.95};  ///< Decay of the two moments. Each in [0, 1).
  double eps = 1e-8;                       ///< Added to the denominator. Above 0.
  double weight_decay = 0.1;               ///< Decoupled, per unit of lr. At least 0.

  bool operator==(const OptimizerRecipe&) const = default;
};

struct LrSchedulerRecipe {
  std::string type = "cosine";  ///< "constant" or "cosine", after the warm-up.
  /// Linear warm-up: a whole number of steps, or a share of max_steps in (0, 1).
  double warmup_steps = 0.0;
  double min_lr_ratio = 0.1;  ///< Last learning rate over lr. In [0, 1]. Default: Llama.

  /// The warm-up in steps; a share is rounded to the nearest step.
  int64_t num_warmup_steps(int64_t max_steps) const;

  bool operator==(const LrSchedulerRecipe&) const = default;
};

struct ParallelRecipe {
  std::optional<int64_t> dp =
      {};          ///< Ranks that split the batch. 1 to 1048576. Unset: "auto", all.
  int64_t ep = 1;  ///< Ranks that split the experts. Divides dp and num_experts.

  bool operator==(const ParallelRecipe&) const = default;
};

struct LoggingRecipe {
  int64_t logging_steps = 10;  ///< Steps between two console lines. At least 1.

  bool operator==(const LoggingRecipe&) const = default;
};

struct EvaluationRecipe {
  /// Steps between two evaluations. At least 1. Unset: before the first step and after the last.
  std::optional<int64_t> eval_steps = {};
  /// Micro-batches per rank and evaluation. At least 1. Unset: the whole validation set.
  std::optional<int64_t> eval_batches = {};

  bool operator==(const EvaluationRecipe&) const = default;
};

struct Recipe {
  std::string recipe = "pretrain";  ///< Kind of run.
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
///              gradient_accumulation_steps * dp has a solution.
void resolve_batch(Recipe& recipe, int64_t dp);

/// Errors: ConfigError listing each axis that does not fit the number of ranks.
void check_world(const Recipe& recipe, int64_t world_size);

}  // namespace hecaton::recipes
