// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipes/config/codec.h"
#include "recipes/config/yaml_node.h"

/// A key of Owner whose path is the path of the member.
#define HECATON_KEY(Owner, member, codec, doc) \
  make_key<Owner>(                             \
      #member, doc, [](auto& owner) -> auto& { return owner.member; }, codec)

namespace hecaton::recipes {
namespace {

/// Keeps the product of three such factors within 63 bits.
constexpr int64_t kMaxFactor = int64_t{1} << 20;
constexpr int64_t kMaxSize = (int64_t{1} << 31) - 1;
constexpr int64_t kMaxLayers = 65536;

Codec<int64_t> size() {
  return integer(1, kMaxSize);
}

Codec<double> above_zero() {
  return number("above 0", [](double value) { return value > 0.0; });
}

Codec<double> at_least_zero() {
  return number("of at least 0", [](double value) { return value >= 0.0; });
}

Codec<double> below_one() {
  return number("in [0, 1)", [](double value) { return value >= 0.0 && value < 1.0; });
}

Codec<double> share() {
  return number("in [0, 1]", [](double value) { return value >= 0.0 && value <= 1.0; });
}

template <typename T>
Codec<std::optional<T>> or_null(const Codec<T>& inner) {
  return optional_as("null", inner);
}

/// A list whose empty form is the word `none`.
Codec<std::vector<int64_t>> layer_list() {
  const Codec<std::vector<int64_t>> list = list_of("layer indices", integer(0, kMaxLayers - 1));
  Codec<std::vector<int64_t>> codec = list;
  codec.expected = list.expected + ", none";
  codec.read = [list](
                   const YamlNode& node, std::vector<int64_t>& value, const ReadContext& context) {
    if (!node.is_plain_scalar() || node.text != "none") {
      return list.read(node, value, context);
    }
    value.clear();
    context.record(node);
    return true;
  };
  codec.write = [list](const std::vector<int64_t>& value) {
    return value.empty() ? YamlNode::plain("none") : list.write(value);
  };
  return codec;
}

/// Exactly two values.
Codec<std::array<double, 2>> pair_of(const std::string& plural, const Codec<double>& entry) {
  const Codec<std::vector<double>> list = list_of(plural, entry);
  Codec<std::array<double, 2>> codec;
  codec.expected = "a list of two " + plural;
  codec.read = [list](
                   const YamlNode& node, std::array<double, 2>& value, const ReadContext& context) {
    std::vector<double> entries;
    if (node.kind == YamlNode::Kind::kSequence && node.children.size() != value.size()) {
      return context.refuse(node);
    }
    if (!list.read(node, entries, context)) {
      return false;
    }
    std::copy(entries.begin(), entries.end(), value.begin());
    return true;
  };
  codec.write = [list](const std::array<double, 2>& value) {
    return list.write({value.begin(), value.end()});
  };
  return codec;
}

/// The list, refused when it has no entry.
template <typename T>
Codec<std::vector<T>> not_empty(const Codec<std::vector<T>>& list) {
  Codec<std::vector<T>> codec = list;
  codec.expected = list.expected + ", at least one";
  codec.read = [list](const YamlNode& node, std::vector<T>& value, const ReadContext& context) {
    if (node.kind == YamlNode::Kind::kSequence && node.children.empty()) {
      return context.refuse(node);
    }
    return list.read(node, value, context);
  };
  return codec;
}

/// Two forms of one number, so the range is not an interval.
Codec<double> warmup() {
  Codec<double> codec = number("", [](double value) {
    return value >= 0.0 && (value < 1.0 || value == std::floor(value)) && value <= 1e15;
  });
  codec.expected = "a number of steps of at least 0, or a share of max_steps in (0, 1)";
  return codec;
}

const Schema<DataSourceRecipe>& data_source_schema() {
  static const Schema<DataSourceRecipe> kSchema({
      HECATON_KEY(DataSourceRecipe, path, text(), "file or folder of documents").required(),
      HECATON_KEY(DataSourceRecipe, format, name_of({"text"}), "how documents are stored"),
      HECATON_KEY(DataSourceRecipe,
                  extensions,
                  list_of("file endings", text()),
                  "endings of the files of a folder that are read; empty: all"),
  });
  return kSchema;
}

const Schema<LossRecipe>& loss_schema() {
  static const Schema<LossRecipe> kSchema({
      HECATON_KEY(LossRecipe, type, name_of({"switch", "z"}), "balancing loss").required(),
      HECATON_KEY(LossRecipe, coef, at_least_zero(), "factor in the total loss").required(),
  });
  return kSchema;
}

using Keys = std::vector<Key<Recipe>>;

#define HECATON_RECIPE_KEY(member, codec, doc) HECATON_KEY(Recipe, member, codec, doc)

Keys run_keys() {
  return {
      HECATON_RECIPE_KEY(recipe, name_of({"pretrain"}), "kind of run"),
      HECATON_RECIPE_KEY(seed, integer(0), "seed of every random stream"),
      HECATON_RECIPE_KEY(output_dir, text(), "run folder; default: runs/ and the recipe's stem"),
  };
}

Keys model_keys() {
  const Codec<Dtype> dtype = choice<Dtype>(
      {{"float32", Dtype::kFloat32}, {"bfloat16", Dtype::kBfloat16}, {"float64", Dtype::kFloat64}});
  const Codec<Activation> activation = choice<Activation>({{"swiglu", Activation::kSwiglu},
                                                           {"geglu", Activation::kGeglu},
                                                           {"gelu", Activation::kGelu},
                                                           {"relu2", Activation::kRelu2}});
  return {
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
      HECATON_RECIPE_KEY(
          moe.layers, optional_as("all", layer_list()), "layers with experts, counted from 0"),
      HECATON_RECIPE_KEY(moe.router.type, name_of({"top_k"}), "how experts are chosen"),
      HECATON_RECIPE_KEY(moe.router.score, score, "function from router logits to scores"),
      HECATON_RECIPE_KEY(
          moe.router.score_after_topk, boolean(), "compute scores over the chosen experts alone"),
      HECATON_RECIPE_KEY(
          moe.router.norm_topk_prob, boolean(), "divide a token's weights by their sum"),
      HECATON_RECIPE_KEY(moe.router.scaling_factor, above_zero(), "factor on a token's weights"),
      HECATON_RECIPE_KEY(moe.capacity_factor,
                         or_null(above_zero()),
                         "room of an expert over its even share; null: drop nothing"),
      HECATON_RECIPE_KEY(
          moe.capacity_scope, scope, "tokens among which an expert's room is counted"),
      HECATON_RECIPE_KEY(moe.losses,
                         list_of("losses", section_of(loss_schema())),
                         "balancing losses, each type at most once"),
  };
}

Keys data_keys() {
  const Codec<std::vector<DataSourceRecipe>> sources =
      list_of("files and folders", section_of(data_source_schema()));
  return {
      HECATON_RECIPE_KEY(tokenizer.type, name_of({"bytes"}), "how text becomes tokens"),
      HECATON_RECIPE_KEY(dataset.train, not_empty(sources), "documents to train on").required(),
      HECATON_RECIPE_KEY(dataset.validation, sources, "documents to evaluate on"),
      HECATON_RECIPE_KEY(
          dataset.validation_fraction, below_one(), "share of the documents held out instead"),
      HECATON_RECIPE_KEY(dataset.sequence_length, size(), "tokens per sequence"),
      HECATON_RECIPE_KEY(dataset.cross_document_attention,
                         boolean(),
                         "let tokens see earlier documents of their sequence"),
  };
}

Keys training_keys() {
  const Codec<int64_t> factor = integer(1, kMaxFactor);
  return {
      HECATON_RECIPE_KEY(training.micro_batch_size,
                         or_null(factor),
                         "sequences per rank and pass; null: from the other two, else 8"),
      HECATON_RECIPE_KEY(training.global_batch_size,
                         or_null(integer(1)),
                         "sequences per optimizer step over all ranks; null: the product"),
      HECATON_RECIPE_KEY(training.gradient_accumulation_steps,
                         or_null(factor),
                         "passes per optimizer step; null: from the other two, else 1"),
      HECATON_RECIPE_KEY(training.max_steps, integer(1), "optimizer steps of the run").required(),
      HECATON_RECIPE_KEY(training.max_grad_norm,
                         or_null(above_zero()),
                         "gradient norm above which it is clipped; null: never"),
      HECATON_RECIPE_KEY(training.num_threads,
                         or_null(integer(1, kMaxFactor)),
                         "threads per rank; null: the rank's share of the cores"),
      HECATON_RECIPE_KEY(optimizer.type, name_of({"adamw"}), "update rule"),
      HECATON_RECIPE_KEY(optimizer.lr, above_zero(), "peak learning rate"),
      HECATON_RECIPE_KEY(optimizer.betas,
                         pair_of("numbers in [0, 1)", below_one()),
                         "decay of the first and second moment"),
      HECATON_RECIPE_KEY(optimizer.eps, above_zero(), "added to the denominator"),
      HECATON_RECIPE_KEY(optimizer.weight_decay, at_least_zero(), "decoupled decay per unit of lr"),
      HECATON_RECIPE_KEY(
          lr_scheduler.type, name_of({"constant", "cosine"}), "shape after the warm-up"),
      HECATON_RECIPE_KEY(
          lr_scheduler.warmup_steps, warmup(), "steps, or share of max_steps, of linear warm-up"),
      HECATON_RECIPE_KEY(lr_scheduler.min_lr_ratio, share(), "last learning rate over lr"),
  };
}

Keys running_keys() {
  return {
      HECATON_RECIPE_KEY(parallel.dp,
                         optional_as("auto", integer(1, kMaxFactor)),
                         "ranks that split the batch; auto: all"),
      HECATON_RECIPE_KEY(parallel.ep, integer(1, kMaxFactor), "ranks that split the experts"),
      HECATON_RECIPE_KEY(logging.logging_steps, integer(1), "steps between two console lines"),
      HECATON_RECIPE_KEY(evaluation.eval_steps,
                         or_null(integer(1)),
                         "steps between two evaluations; null: only at start and end"),
      HECATON_RECIPE_KEY(evaluation.eval_batches,
                         or_null(integer(1)),
                         "micro-batches per evaluation; null: the whole validation set"),
  };
}

Keys all_keys() {
  Keys all;
  for (const Keys& keys :
       {run_keys(), model_keys(), moe_keys(), data_keys(), training_keys(), running_keys()}) {
    all.insert(all.end(), keys.begin(), keys.end());
  }
  return all;
}

}  // namespace

const Schema<Recipe>& recipe_schema() {
  static const Schema<Recipe> kSchema(all_keys());
  return kSchema;
}

}  // namespace hecaton::recipes
