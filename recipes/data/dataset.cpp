// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/dataset.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/check.h"
#include "core/error.h"
#include "core/rng.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

uint64_t hash_tokens(const std::vector<uint16_t>& tokens) {
  return hash_name(
      {reinterpret_cast<const char*>(tokens.data()), tokens.size() * sizeof(uint16_t)});
}

}  // namespace

void TokenStream::append_document(std::string_view text) {
  document_starts.push_back(static_cast<int64_t>(tokens.size()));
  const size_t start = tokens.size();
  tokens.resize(start + text.size() + 1, ByteTokenizer::kDocumentEndId);
  std::transform(text.begin(),
                 text.end(),
                 tokens.begin() + static_cast<std::ptrdiff_t>(start),
                 ByteTokenizer::token_of);
}

TokenStream tokenize_files(const std::vector<TextFile>& files) {
  TokenStream stream;
  for (const TextFile& file : files) {
    stream.append_document(read_text_file(file.path));
  }
  return stream;
}

TokenDataset::TokenDataset(TokenStream stream, const TokenDatasetOptions& options)
    : stream_(std::move(stream)), options_(options), fingerprint_(hash_tokens(stream_.tokens)) {
  if (options_.sequence_length < 1) {
    throw ConfigError("dataset.sequence_length = " + std::to_string(options_.sequence_length) +
                      ": must be at least 1");
  }
  HECATON_CHECK(num_documents() < std::numeric_limits<int32_t>::max(),
                "documents are numbered in 32 bits");
  int64_t token_idx = 0;
  while (token_idx < num_tokens() && !has_target(token_idx)) {
    ++token_idx;
  }
  if (token_idx >= num_tokens()) {
    throw DataError("data: expected at least one byte of text, found none in " +
                    std::to_string(num_documents()) + " files");
  }
}

int64_t TokenDataset::num_windows() const {
  // The last token is nobody's input: nothing follows it.
  return (num_tokens() - 1 + options_.sequence_length - 1) / options_.sequence_length;
}

int64_t TokenDataset::document_of(int64_t token_idx) const {
  const auto& starts = stream_.document_starts;
  return std::upper_bound(starts.begin(), starts.end(), token_idx) - starts.begin() - 1;
}

bool TokenDataset::has_target(int64_t token_idx) const {
  const bool is_end =
      stream_.tokens[static_cast<size_t>(token_idx)] == ByteTokenizer::kDocumentEndId;
  return token_idx + 1 < num_tokens() && (options_.cross_document_attention || !is_end);
}

Batch TokenDataset::train_batch(int64_t first_sample, int64_t count) const {
  HECATON_CHECK(first_sample >= 0 && count >= 0, "samples are counted from 0");
  std::vector<int64_t> windows;
  windows.reserve(static_cast<size_t>(count));
  for (int64_t sample = first_sample; sample < first_sample + count; ++sample) {
    const int64_t epoch = sample / num_windows();
    const CounterRng rng(options_.seed, "dataset.train.epoch." + std::to_string(epoch));
    windows.push_back(permuted_idx(sample % num_windows(), num_windows(), rng));
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
  const int64_t Q = options_.sequence_length;
  const bool is_isolated = !options_.cross_document_attention;
  Batch batch = {
      .input_BQ = at::full({B, Q}, ByteTokenizer::kPaddingId, at::kLong),
      .target_BQ = at::full({B, Q}, kIgnoredTarget, at::kLong),
      .document_idx_BQ = at::full({B, Q}, is_isolated ? num_documents() : 0, at::kInt),
      .valid_BQ = at::zeros({B, Q}, at::kBool),
      .num_target_tokens = 0,
      .first_sample = first_sample,
  };
  auto* input = batch.input_BQ.mutable_data_ptr<int64_t>();
  auto* target = batch.target_BQ.mutable_data_ptr<int64_t>();
  auto* document_idx = batch.document_idx_BQ.mutable_data_ptr<int32_t>();
  auto* valid = batch.valid_BQ.mutable_data_ptr<bool>();
  for (int64_t row = 0; row < B; ++row) {
    const int64_t begin = windows[static_cast<size_t>(row)] * Q;
    const int64_t end = std::min(begin + Q, num_tokens() - 1);
    int64_t place = row * Q;
    for (int64_t token_idx = begin; token_idx < end; ++token_idx, ++place) {
      input[place] = stream_.tokens[static_cast<size_t>(token_idx)];
      valid[place] = true;
      if (is_isolated) {
        document_idx[place] = static_cast<int32_t>(document_of(token_idx));
      }
      if (has_target(token_idx)) {
        target[place] = stream_.tokens[static_cast<size_t>(token_idx) + 1];
        ++batch.num_target_tokens;
      }
    }
  }
  return batch;
}

}  // namespace hecaton::recipes
