// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/bigram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "core/error.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

constexpr double kSmoothing = 0.05;
constexpr int64_t kNumTokens = ByteTokenizer::kDocumentEndId + 1;

/// Many more pairs than there are kinds of them.
constexpr int64_t kMaxTrainTokens = int64_t{1} << 28;

/// Calls visit(token, next token) for each target of the first `num_windows` windows; returns
/// whether all tokens of them were bytes and document ends.
template <typename Visit>
bool for_each_target(const TokenDataset& dataset, int64_t num_windows, const Visit& visit) {
  num_windows = std::min(num_windows, dataset.num_windows());
  constexpr int64_t kWindowsAtOnce = 64;
  for (int64_t first = 0; first < num_windows; first += kWindowsAtOnce) {
    const Batch batch = dataset.window_batch(first, std::min(kWindowsAtOnce, num_windows - first));
    const auto* inputs = batch.input_BQ.const_data_ptr<int64_t>();
    const auto* targets = batch.target_BQ.const_data_ptr<int64_t>();
    for (int64_t place = 0; place < batch.target_BQ.numel(); ++place) {
      if (targets[place] == kIgnoredTarget) {
        continue;
      }
      if (inputs[place] >= kNumTokens || targets[place] >= kNumTokens) {
        return false;
      }
      visit(inputs[place], targets[place]);
    }
  }
  return true;
}

}  // namespace

std::optional<double> bigram_loss(const TokenDataset& train,
                                  const TokenDataset& evaluated,
                                  int64_t num_windows) {
  std::vector<int64_t> num_pairs(static_cast<size_t>(kNumTokens * kNumTokens), 0);
  std::vector<int64_t> num_firsts(static_cast<size_t>(kNumTokens), 0);
  const auto pair = [](int64_t first, int64_t second) {
    return static_cast<size_t>(first * kNumTokens + second);
  };
  const int64_t max_train_windows = kMaxTrainTokens / train.sequence_length() + 1;
  const auto count = [&](int64_t first, int64_t second) {
    ++num_pairs[pair(first, second)];
    ++num_firsts[static_cast<size_t>(first)];
  };
  double sum = 0.0;
  int64_t num_targets = 0;
  const auto add_loss = [&](int64_t first, int64_t second) {
    const auto num_seen = static_cast<double>(num_pairs[pair(first, second)]);
    const auto num_all = static_cast<double>(num_firsts[static_cast<size_t>(first)]);
    sum -= std::log((num_seen + kSmoothing) / (num_all + kSmoothing * kNumTokens));
    ++num_targets;
  };
  if (!for_each_target(train, max_train_windows, count) ||
      !for_each_target(evaluated, num_windows, add_loss)) {
    return std::nullopt;
  }
  if (num_targets == 0) {
    throw DataError("evaluation: expected a target in the first " + std::to_string(num_windows) +
                    " windows, found none");
  }
  return sum / static_cast<double>(num_targets);
}

}  // namespace hecaton::recipes
