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
constexpr size_t kNumTokens = ByteTokenizer::kDocumentEndId + 1;

/// Calls visit(token, next token) for each target among the first `num_inputs` tokens.
template <typename Visit>
void for_each_target(const TokenDataset& dataset, int64_t num_inputs, const Visit& visit) {
  const std::vector<uint16_t>& tokens = dataset.stream().tokens;
  for (int64_t token_idx = 0; token_idx < num_inputs; ++token_idx) {
    if (dataset.has_target(token_idx)) {
      const auto place = static_cast<size_t>(token_idx);
      visit(tokens[place], tokens[place + 1]);
    }
  }
}

}  // namespace

double bigram_loss(const TokenDataset& train, const TokenDataset& evaluated, int64_t num_windows) {
  std::vector<int64_t> num_pairs(kNumTokens * kNumTokens, 0);
  std::vector<int64_t> num_firsts(kNumTokens, 0);
  for_each_target(train, train.num_tokens(), [&](size_t first, size_t second) {
    ++num_pairs[first * kNumTokens + second];
    ++num_firsts[first];
  });

  double sum = 0.0;
  int64_t num_targets = 0;
  const int64_t num_inputs =
      std::min(num_windows * evaluated.sequence_length(), evaluated.num_tokens());
  for_each_target(evaluated, num_inputs, [&](size_t first, size_t second) {
    const auto num_seen = static_cast<double>(num_pairs[first * kNumTokens + second]);
    const auto num_all = static_cast<double>(num_firsts[first]);
    sum -= std::log((num_seen + kSmoothing) / (num_all + kSmoothing * kNumTokens));
    ++num_targets;
  });
  if (num_targets == 0) {
    throw DataError("evaluation: expected a target in the first " + std::to_string(num_windows) +
                    " windows, found none");
  }
  return sum / static_cast<double>(num_targets);
}

}  // namespace hecaton::recipes
