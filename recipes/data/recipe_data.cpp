// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/recipe_data.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <utility>

#include "core/log.h"
#include "recipes/data/examples.h"
#include "recipes/data/megatron_files.h"
#include "recipes/data/text_files.h"
#include "recipes/data/token_files.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

using Entries = std::vector<DataSourceRecipe>;

std::unique_ptr<WindowSource> stream_windows(TokenStream stream, const DatasetRecipe& dataset) {
  if (dataset.packing) {
    return std::make_unique<StreamWindows>(
        std::move(stream), dataset.sequence_length, dataset.cross_document_attention);
  }
  const auto windows = cut_documents(stream, dataset.sequence_length);
  return std::make_unique<SegmentWindows>(std::move(stream), windows);
}

std::unique_ptr<WindowSource> text_windows(const std::vector<TextFile>& files,
                                           const DatasetRecipe& dataset) {
  TokenStreamBuilder stream;
  for (const TextFile& file : files) {
    stream.add_document(read_text_file(file.path));
  }
  return stream_windows(stream.finish(), dataset);
}

std::unique_ptr<WindowSource> example_windows(const DataSourceRecipe& entry,
                                              const DatasetRecipe& dataset) {
  std::vector<std::string> paths;
  for (const TextFile& file : collect_text_files({entry})) {
    paths.push_back(file.path);
  }
  ExampleSet examples = read_examples(paths,
                                      {.format = entry.format,
                                       .train_on = dataset.train_on,
                                       .overlong = dataset.overlong_examples,
                                       .max_tokens = dataset.sequence_length + 1});
  if (examples.num_cut + examples.num_dropped > 0) {
    log_info(entry.path + ": of " +
             std::to_string(examples.stream.num_documents() + examples.num_dropped) + " examples " +
             std::to_string(examples.num_cut) + " truncated and " +
             std::to_string(examples.num_dropped) + " dropped, longer than a sequence of " +
             std::to_string(dataset.sequence_length));
  }
  const auto windows = dataset.packing ? pack_documents(examples.stream, dataset.sequence_length)
                                       : cut_documents(examples.stream, dataset.sequence_length);
  return std::make_unique<SegmentWindows>(std::move(examples.stream), windows);
}

/// The windows of an entry that is not text.
std::unique_ptr<WindowSource> open_windows(const DataSourceRecipe& entry, const Recipe& recipe) {
  if (entry.has_examples()) {
    return example_windows(entry, recipe.dataset);
  }
  const int64_t vocab_size = recipe.model.arch.vocab_size.value_or(ByteTokenizer::kVocabSize);
  return stream_windows(entry.format == DataFormat::kMegatron
                            ? read_megatron(entry.path, vocab_size)
                            : read_token_file(entry.path,
                                              {.type = entry.dtype.value_or(TokenType::kUint16),
                                               .document_end_id = entry.document_end_id,
                                               .vocab_size = vocab_size}),
                        recipe.dataset);
}

/// The entry at `begin` and those after it that make up one stream with it.
Entries group_at(const Entries& entries, size_t begin) {
  const auto joins = [](const DataSourceRecipe& entry) {
    return entry.format == DataFormat::kText && !entry.weight;
  };
  size_t end = begin + 1;
  while (end < entries.size() && joins(entries[begin]) && joins(entries[end])) {
    ++end;
  }
  return {entries.begin() + static_cast<std::ptrdiff_t>(begin),
          entries.begin() + static_cast<std::ptrdiff_t>(end)};
}

/// What `validation_fraction` leaves of the entries, or holds out of them.
enum class Side { kRest, kHeldOut };

/// validation_fraction: above 0 only if all entries are text.
std::vector<DataSource> open_sources(const Entries& entries,
                                     double validation_fraction,
                                     Side side,
                                     const Recipe& recipe) {
  std::vector<DataSource> sources;
  for (size_t begin = 0; begin < entries.size();) {
    const Entries group = group_at(entries, begin);
    begin += group.size();
    const DataSourceRecipe& first = group.front();
    const std::string name =
        first.path + (group.size() > 1 ? " and " + std::to_string(group.size() - 1) + " more" : "");
    if (first.format != DataFormat::kText) {
      sources.push_back({name, open_windows(first, recipe), first.weight});
      continue;
    }
    const DocumentSplit split = split_documents(
        collect_text_files(group), validation_fraction, static_cast<uint64_t>(recipe.seed));
    if (side == Side::kRest) {
      sources.push_back({name, text_windows(split.train, recipe.dataset), first.weight});
    } else {
      sources.push_back({name, text_windows(split.validation, recipe.dataset)});
    }
  }
  return sources;
}

std::unique_ptr<TokenDataset> dataset_of(std::vector<DataSource> sources, const Recipe& recipe) {
  return sources.empty() ? nullptr
                         : std::make_unique<TokenDataset>(std::move(sources),
                                                          recipe.dataset.sequence_length,
                                                          static_cast<uint64_t>(recipe.seed));
}

}  // namespace

RecipeData load_data(const Recipe& recipe) {
  const DatasetRecipe& dataset = recipe.dataset;
  auto train = dataset_of(
      open_sources(dataset.train, dataset.validation_fraction, Side::kRest, recipe), recipe);
  return {std::move(train), load_validation(recipe)};
}

std::unique_ptr<TokenDataset> load_validation(const Recipe& recipe) {
  const DatasetRecipe& dataset = recipe.dataset;
  if (!dataset.validation.empty()) {
    return dataset_of(open_sources(dataset.validation, 0.0, Side::kRest, recipe), recipe);
  }
  if (dataset.validation_fraction == 0.0) {
    return nullptr;
  }
  return dataset_of(
      open_sources(dataset.train, dataset.validation_fraction, Side::kHeldOut, recipe), recipe);
}

std::string describe_sources(const TokenDataset& data, const TrainingRecipe& training) {
  // Both may be large: their product is no int64_t.
  const double num_samples =
      static_cast<double>(training.max_steps) * static_cast<double>(*training.global_batch_size);
  std::string text = "   share    epochs        tokens     documents  source\n";
  for (const SourceUse& use : data.source_uses(num_samples)) {
    char line[96];
    std::snprintf(line,
                  sizeof(line),
                  "%7.2f%%  %8.3f  %12lld  %12lld  ",
                  100.0 * use.share,
                  use.num_epochs,
                  static_cast<long long>(use.num_tokens),
                  static_cast<long long>(use.num_documents));
    text += line + use.name + "\n";
  }
  return text;
}

const char* token_name(const DatasetRecipe& dataset) {
  const Entries& entries = dataset.validation.empty() ? dataset.train : dataset.validation;
  return std::any_of(entries.begin(),
                     entries.end(),
                     [](const DataSourceRecipe& entry) {
                       return entry.format == DataFormat::kMegatron ||
                              entry.format == DataFormat::kTokens;
                     })
             ? "token"
             : "byte";
}

int64_t num_evaluated_windows(const Recipe& recipe, const TokenDataset& data) {
  const std::optional<int64_t> num_batches = recipe.evaluation.eval_batches;
  const std::optional<int64_t> batch_size = recipe.training.global_batch_size;
  if (!num_batches || !batch_size || *num_batches > data.num_windows() / *batch_size) {
    return data.num_windows();
  }
  return *num_batches * *batch_size;
}

std::vector<Batch> evaluation_batches(const TokenDataset& data,
                                      int64_t micro_batch_size,
                                      int64_t num_windows,
                                      const parallel::Communicator& dp) {
  const int64_t per_round = micro_batch_size * dp.size();
  const int64_t num_rounds = (num_windows + per_round - 1) / per_round;
  std::vector<Batch> batches;
  batches.reserve(static_cast<size_t>(num_rounds));
  for (int64_t round = 0; round < num_rounds; ++round) {
    batches.push_back(
        data.window_batch(round * per_round + dp.rank() * micro_batch_size, micro_batch_size));
  }
  return batches;
}

}  // namespace hecaton::recipes
