// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "models/ignored_target.h"
#include "recipes/data/blend.h"
#include "recipes/data/window_source.h"

namespace hecaton::recipes {

/// The target of a position that is not trained on.
using models::kIgnoredTarget;
/// The document of padding.
constexpr int32_t kPaddingDocument = -1;

/// Sequences side by side. All tensors: CPU, contiguous.
struct Batch {
  at::Tensor input_BQ;            ///< int64, token ids
  at::Tensor target_BQ;           ///< int64, the token that follows, or kIgnoredTarget
  at::Tensor document_idx_BQ;     ///< int32, equal where tokens of a row may attend to each other
  at::Tensor valid_BQ;            ///< bool, false for padding
  int64_t num_target_tokens = 0;  ///< targets that are not ignored
  int64_t first_sample = 0;       ///< number of row 0: of the sample in the run, or of the window
};

/// One source of a data set.
struct DataSource {
  std::string name;  ///< for people: the path
  std::unique_ptr<WindowSource> windows;
  /// Share of the samples, relative to the other sources'. Above 0. Unset: no source has one.
  std::optional<double> weight = {};
};

/// What a run takes from one source, from its share: with weights, the order of samples keeps
/// within one sample of it.
struct SourceUse {
  std::string name;
  int64_t num_documents = 0;
  int64_t num_tokens = 0;
  int64_t num_windows = 0;
  double share = 0.0;       ///< of the run's samples, in [0, 1]
  double num_epochs = 0.0;  ///< how often the run takes each window
};

/// Serves windows of several sources in a reproducible order.
///
/// Formula:     without weights, sample k lies in epoch e = k / num_windows and is window
///              permuted_idx(k % num_windows) of all sources' windows side by side, by the stream
///              of random numbers "dataset.train.epoch.<e>". With weights, BlendOrder makes sample
///              k the sample j of source s, which is window permuted_idx(j % n_s) of the n_s
///              windows of that source in its own epoch e = j / n_s, by the stream
///              "dataset.train.<s>.epoch.<e>".
/// Determinism: sample k depends on (files, weights, Q, seed, k) alone, never on ranks or batch
///              sizes.
/// Threads:     one at a time.
class TokenDataset {
 public:
  /// Errors:      ConfigError if sequence_length < 1, or some sources have a weight and others not;
  ///              DataError naming a source without a target.
  TokenDataset(std::vector<DataSource> sources, int64_t sequence_length, uint64_t seed);

  int64_t num_windows() const { return window_starts_.back(); }
  int64_t num_tokens() const;
  int64_t num_documents() const;
  int64_t sequence_length() const { return sequence_length_; }
  /// Hash of the content of all sources: tells whether a resumed run reads the same data.
  uint64_t fingerprint() const;

  /// What a run of num_samples samples takes from each source.
  std::vector<SourceUse> source_uses(double num_samples) const;

  /// Samples first_sample to first_sample + count - 1 of the run, both at least 0.
  /// Errors:      DataError if a file was changed since it was opened.
  Batch train_batch(int64_t first_sample, int64_t count) const;

  /// Windows first_window to first_window + count - 1 in the order of the sources, both at least 0.
  /// Windows past the end are all padding, so that every rank can do the same number of batches.
  /// Errors:      those of train_batch().
  Batch window_batch(int64_t first_window, int64_t count) const;

 private:
  int64_t window_of(int64_t sample) const;
  Batch batch_of(const std::vector<int64_t>& windows, int64_t first_sample) const;

  std::vector<DataSource> sources_;
  std::vector<int64_t> window_starts_ = {
      0};  ///< first window of each source, and one past the last
  int64_t sequence_length_;
  uint64_t seed_;
  mutable std::optional<BlendOrder> blend_;  ///< unset: no weights. Remembers where it was.
};

}  // namespace hecaton::recipes
