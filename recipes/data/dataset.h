// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "recipes/data/text_files.h"

namespace hecaton::recipes {

/// The target of a position that is not trained on; cross-entropy skips it.
constexpr int64_t kIgnoredTarget = -100;

/// Documents as one row of tokens, each followed by the document end. Two bytes a token.
struct TokenStream {
  std::vector<uint16_t> tokens;
  std::vector<int64_t> document_starts;  ///< first token of each document, ascending

  void append_document(std::string_view text);
};

/// Reads files as documents of byte tokens. Errors: DataError if a file cannot be read.
TokenStream tokenize_files(const std::vector<TextFile>& files);

/// How a token stream becomes training samples.
struct TokenDatasetOptions {
  int64_t sequence_length = 256;  ///< Q, tokens. At least 1.
  /// Let tokens attend to earlier documents of their sequence and learn to predict the first token
  /// of the next one.
  bool cross_document_attention = false;
  uint64_t seed = 0;  ///< decides the order of the training samples
};

/// Sequences side by side. All tensors: CPU, contiguous.
struct Batch {
  at::Tensor input_BQ;            ///< int64, token ids
  at::Tensor target_BQ;           ///< int64, the token that follows, or kIgnoredTarget
  at::Tensor document_idx_BQ;     ///< int32, equal where tokens may attend to each other
  at::Tensor valid_BQ;            ///< bool, false for padding
  int64_t num_target_tokens = 0;  ///< targets that are not ignored
  int64_t first_sample = 0;       ///< number of row 0: of the sample in the run, or of the window
};

/// Cuts a token stream into windows and serves them in a reproducible order.
///
/// Formula:     window w has inputs tokens[w*Q + q] and targets tokens[w*Q + q + 1], q = 0..Q-1, so
///              every token but the first is a target once. The last window is filled up with
///              padding, whose targets are ignored. Unless cross_document_attention, the target of
///              a document end is ignored, too, and document_idx_BQ numbers the documents (padding
///              counts as one more); with it, document_idx_BQ is 0.
///              Sample k of a run lies in epoch e = k / num_windows and is window
///              permuted_idx(k % num_windows) of the stream of random numbers
///              "dataset.train.epoch.<e>".
/// Determinism: sample k depends on (tokens, Q, seed, k) alone, never on ranks or batch sizes.
class TokenDataset {
 public:
  /// Errors:      ConfigError if sequence_length < 1; DataError if no token is a target.
  TokenDataset(TokenStream stream, const TokenDatasetOptions& options);

  int64_t num_windows() const;
  int64_t num_tokens() const { return static_cast<int64_t>(stream_.tokens.size()); }
  int64_t num_documents() const { return static_cast<int64_t>(stream_.document_starts.size()); }
  int64_t sequence_length() const { return options_.sequence_length; }
  const TokenStream& stream() const { return stream_; }
  /// Hash of the tokens: tells whether a resumed run reads the same data.
  uint64_t fingerprint() const { return fingerprint_; }

  /// Whether the token that follows number `token_idx` is a target.
  bool has_target(int64_t token_idx) const;

  /// Samples first_sample to first_sample + count - 1 of the run, both at least 0.
  Batch train_batch(int64_t first_sample, int64_t count) const;

  /// Windows first_window to first_window + count - 1 in the order of the stream, both at least 0.
  /// Windows past the end are all padding, so that every rank can do the same number of batches.
  Batch window_batch(int64_t first_window, int64_t count) const;

 private:
  Batch batch_of(const std::vector<int64_t>& windows, int64_t first_sample) const;
  int64_t document_of(int64_t token_idx) const;

  TokenStream stream_;
  TokenDatasetOptions options_;
  uint64_t fingerprint_ = 0;
};

}  // namespace hecaton::recipes
