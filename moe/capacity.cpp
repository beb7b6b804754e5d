// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/capacity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "core/shapes.h"

namespace hecaton::moe {
namespace {

// A smaller factor would round to no slot at all, and a larger one says nothing that unset does
// not.
constexpr double kSmallestFactor = 1e-6;
constexpr double kLargestFactor = 1e6;

/// Tokens from begin to end share a capacity; taken_E slots were given away before them.
struct Window {
  int64_t begin;
  int64_t end;
  int64_t num_tokens;  ///< of the whole scope, this rank's and the others'
  std::vector<int64_t> taken_E;
};

std::vector<Window> sequence_windows(const at::Tensor& sequence_idx_T, int64_t T, int64_t E) {
  std::vector<Window> windows;
  const at::Tensor contiguous_T =
      sequence_idx_T.defined() ? sequence_idx_T.contiguous() : at::Tensor();
  const int32_t* sequence_idx =
      contiguous_T.defined() ? contiguous_T.const_data_ptr<int32_t>() : nullptr;
  int64_t begin = 0;
  for (int64_t t = 1; t <= T; ++t) {
    if (t == T || (sequence_idx != nullptr && sequence_idx[t] != sequence_idx[begin])) {
      windows.push_back({begin, t, t - begin, std::vector<int64_t>(static_cast<size_t>(E))});
      begin = t;
    }
  }
  return windows;
}

Window micro_batch_window(const at::Tensor& num_tokens_E, int64_t T, CountReducer& counts) {
  const at::Tensor sum_1 = counts.sum(at::full({1}, T, at::TensorOptions().dtype(at::kLong)));
  const at::Tensor before_E = counts.exclusive_scan(num_tokens_E);
  const int64_t* before = before_E.const_data_ptr<int64_t>();
  return {0, T, sum_1.item<int64_t>(), std::vector<int64_t>(before, before + before_E.numel())};
}

/// Sets the slots beyond capacity to -1; returns how many.
int64_t drop_in_window(int64_t capacity, Window& window, at::Tensor& expert_idx_TK) {
  const int64_t K = expert_idx_TK.size(1);
  int32_t* expert_idx = expert_idx_TK.data_ptr<int32_t>();
  int64_t num_dropped = 0;
  for (int64_t s = window.begin * K; s < window.end * K; ++s) {
    if (expert_idx[s] >= 0 && ++window.taken_E[static_cast<size_t>(expert_idx[s])] > capacity) {
      expert_idx[s] = -1;
      ++num_dropped;
    }
  }
  return num_dropped;
}

std::vector<Window> windows_of(CapacityScope scope,
                               const RoutingContext& context,
                               const Routing& routing) {
  const int64_t T = routing.expert_idx_TK.size(0);
  const int64_t E = routing.num_tokens_E.size(0);
  switch (scope) {
    case CapacityScope::kSequence:
      return sequence_windows(context.sequence_idx_T, T, E);
    case CapacityScope::kMicroBatch: {
      LocalCounts local;
      CountReducer& counts = context.counts != nullptr ? *context.counts : local;
      return {micro_batch_window(routing.num_tokens_E, T, counts)};
    }
    case CapacityScope::kRank:
      return sequence_windows(/*sequence_idx_T=*/{}, T, E);
  }
  throw InternalError("unknown capacity scope");
}

}  // namespace

void CapacityConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(!factor || (*factor >= kSmallestFactor && *factor <= kLargestFactor),
                 "capacity_factor",
                 factor.value_or(0.0),
                 "must be from 1e-06 to 1e+06");
}

int64_t expert_capacity(double factor, int64_t num_tokens, int64_t K, int64_t E) {
  constexpr int64_t kParts = 1'000'000;
  const auto factor_parts =
      static_cast<int64_t>(std::llround(factor * static_cast<double>(kParts)));
  const int64_t numerator = checked_mul(checked_mul(factor_parts, num_tokens), K);
  const int64_t denominator = checked_mul(kParts, E);
  const int64_t ceiling = numerator / denominator + (numerator % denominator != 0 ? 1 : 0);
  return std::min(ceiling, num_tokens);
}

void apply_capacity(const CapacityConfig& config, const RoutingContext& context, Routing& routing) {
  if (!config.factor && context.replay == nullptr) {
    return;
  }
  routing.chosen_idx_TK = routing.expert_idx_TK;
  if (context.replay != nullptr) {
    const at::Tensor is_dropped_TK = context.replay->expert_idx_TK.lt(0);
    routing.expert_idx_TK = routing.chosen_idx_TK.masked_fill(is_dropped_TK, -1);
    routing.num_dropped = context.replay->num_dropped;
  } else {
    const int64_t K = routing.chosen_idx_TK.size(1);
    const int64_t E = routing.num_tokens_E.size(0);
    routing.expert_idx_TK = routing.chosen_idx_TK.clone();
    for (Window& window : windows_of(config.scope, context, routing)) {
      const int64_t capacity = expert_capacity(*config.factor, window.num_tokens, K, E);
      routing.num_dropped += drop_in_window(capacity, window, routing.expert_idx_TK);
    }
  }
  routing.weight_TK = routing.weight_TK.masked_fill(routing.expert_idx_TK.lt(0), 0.0);
  routing.num_tokens_E = count_tokens(routing.expert_idx_TK, routing.num_tokens_E.size(0));
}

}  // namespace hecaton::moe
