// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/blend.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"

namespace hecaton::recipes {

namespace {

/// Rounded once, so that .7, .2 and .1 sum to 1 and stay what they are.
double sum_of(const std::vector<double>& weights) {
  double sum = 0.0;
  double lost = 0.0;  // by the roundings so far
  for (const double weight : weights) {
    const double next = sum + weight;
    lost += sum >= weight ? (sum - next) + weight : (weight - next) + sum;
    sum = next;
  }
  return sum + lost;
}

}  // namespace

BlendOrder::BlendOrder(std::vector<double> weights)
    : weights_(std::move(weights)), taken_(weights_.size(), 0) {
  const double sum = sum_of(weights_);
  for (double& weight : weights_) {
    HECATON_CHECK(weight > 0.0 && std::isfinite(sum), "weights are finite and above 0");
    weight /= sum;
  }
}

size_t BlendOrder::next_source() const {
  const auto num_samples = static_cast<double>(std::max<int64_t>(next_, 1));
  size_t best = 0;
  double best_error = 0.0;
  for (size_t source = 0; source < weights_.size(); ++source) {
    // Kept in memory, so that no compiler joins product and difference into one rounding, which
    // would break ties on some machines and not on others.
    volatile double share = weights_[source] * num_samples;
    const double error = share - static_cast<double>(taken_[source]);
    if (source == 0 || error > best_error) {
      best = source;
      best_error = error;
    }
  }
  return best;
}

void BlendOrder::go_to(int64_t sample) {
  HECATON_CHECK(sample >= 0, "samples are counted from 0");
  if (sample < next_) {
    std::fill(taken_.begin(), taken_.end(), 0);
    next_ = 0;
  }
  for (; next_ < sample; ++next_) {
    ++taken_[next_source()];
  }
}

BlendOrder::Draw BlendOrder::at(int64_t sample) {
  go_to(sample);
  const size_t source = next_source();
  return {source, taken_[source]};
}

}  // namespace hecaton::recipes
