// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/dataset.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/check.h"
#include "core/error.h"
#include "core/rng.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

std::vector<double> weights_of(const std::vector<DataSource>& sources) {
  std::vector<double> weights;
  weights.reserve(sources.size());
  for (const DataSource& source : sources) {
    if (source.weight) {
      weights.push_back(*source.weight);
    }
  }
  if (!weights.empty() && weights.size() != sources.size()) {
    throw ConfigError("data: expected a weight for every source or for none, found " +
                      std::to_string(weights.size()) + " weights for " +
                      std::to_string(sources.size()) + " sources");
  }
  return weights;
}

}  // namespace

TokenDataset::TokenDataset(std::vector<DataSource> sources, int64_t sequence_length, uint64_t seed)
    : sources_(std::move(sources)), sequence_length_(sequence_length), seed_(seed) {
  if (sequence_length_ < 1) {
    throw ConfigError("dataset.sequence_length = " + std::to_string(sequence_length_) +
                      ": must be at least 1");
  }
  window_starts_.reserve(sources_.size() + 1);
  for (const DataSource& source : sources_) {
    int64_t window = window_starts_.back();
    window_starts_.push_back(window + source.windows->num_windows());
    while (window < num_windows() && window_batch(window, 1).num_target_tokens == 0) {
      ++window;
    }
    if (window == num_windows()) {
      throw DataError(source.name + ": expected a token to train on, found none in " +
                      std::to_string(source.windows->num_documents()) + " documents");
    }
  }
  std::vector<double> weights = weights_of(sources_);
  if (!weights.empty()) {
    blend_.emplace(std::move(weights));
  }
}

int64_t TokenDataset::num_tokens() const {
  int64_t sum = 0;
  for (const DataSource& source : sources_) {
    sum += source.windows->num_tokens();
  }
  return sum;
}

int64_t TokenDataset::num_documents() const {
  int64_t sum = 0;
  for (const DataSource& source : sources_) {
    sum += source.windows->num_documents();
  }
  return sum;
}

uint64_t TokenDataset::fingerprint() const {
  std::string all;
  for (const DataSource& source : sources_) {
    all += std::to_string(source.windows->fingerprint()) + ".";
  }
  return hash_name(all);
}

std::vector<SourceUse> TokenDataset::source_uses(double num_samples) const {
  std::vector<SourceUse> uses;
  uses.reserve(sources_.size());
  for (const DataSource& source : sources_) {
    const WindowSource& windows = *source.windows;
    const auto size = static_cast<double>(windows.num_windows());
    // Without weights every window takes its turn in each epoch over all sources.
    const double share =
        blend_ ? blend_->share(uses.size()) : size / static_cast<double>(num_windows());
    uses.push_back({.name = source.name,
                    .num_documents = windows.num_documents(),
                    .num_tokens = windows.num_tokens(),
                    .num_windows = windows.num_windows(),
                    .share = share,
                    .num_epochs = num_samples * share / size});
  }
  return uses;
}

int64_t TokenDataset::window_of(int64_t sample) const {
  std::string stream = "dataset.train.";
  int64_t first = 0;
  int64_t size = num_windows();
  if (blend_) {
    const BlendOrder::Draw draw = blend_->at(sample);
    stream += std::to_string(draw.source) + ".";
    first = window_starts_[draw.source];
    size = window_starts_[draw.source + 1] - first;
    sample = draw.idx;
  }
  const CounterRng rng(seed_, stream + "epoch." + std::to_string(sample / size));
  return first + permuted_idx(sample % size, size, rng);
}

Batch TokenDataset::train_batch(int64_t first_sample, int64_t count) const {
  HECATON_CHECK(first_sample >= 0 && count >= 0, "samples are counted from 0");
  std::vector<int64_t> windows(static_cast<size_t>(count));
  std::iota(windows.begin(), windows.end(), first_sample);
  for (int64_t& window : windows) {
    window = window_of(window);
  }
  return batch_of(windows, first_sample);
}

Batch TokenDataset::window_batch(int64_t first_window, int64_t count) const {
  HECATON_CHECK(first_window >= 0 && count >= 0, "windows are counted from 0");
  std::vector<int64_t> windows(static_cast<size_t>(count));
  std::iota(windows.begin(), windows.end(), first_window);
  return batch_of(windows, first_window);
}

Batch TokenDataset::batch_of(const std::vector<int64_t>& windows, int64_t first_sample) const {
  const auto B = static_cast<int64_t>(windows.size());
  const int64_t Q = sequence_length_;
  Batch batch = {
      .input_BQ = at::full({B, Q}, ByteTokenizer::kPaddingId, at::kLong),
      .target_BQ = at::full({B, Q}, kIgnoredTarget, at::kLong),
      .document_idx_BQ = at::full({B, Q}, kPaddingDocument, at::kInt),
      .valid_BQ = at::zeros({B, Q}, at::kBool),
      .num_target_tokens = 0,
      .first_sample = first_sample,
  };
  WindowRow row = {batch.input_BQ.mutable_data_ptr<int64_t>(),
                   batch.target_BQ.mutable_data_ptr<int64_t>(),
                   batch.document_idx_BQ.mutable_data_ptr<int32_t>(),
                   batch.valid_BQ.mutable_data_ptr<bool>()};
  for (const int64_t window : windows) {
    if (window < num_windows()) {
      const auto end = std::upper_bound(window_starts_.begin(), window_starts_.end(), window);
      const auto source = static_cast<size_t>(end - window_starts_.begin()) - 1;
      batch.num_target_tokens +=
          sources_[source].windows->fill(window - window_starts_[source], row);
    }
    row = {row.input_Q + Q, row.target_Q + Q, row.document_idx_Q + Q, row.valid_Q + Q};
  }
  return batch;
}

}  // namespace hecaton::recipes
