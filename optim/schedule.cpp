// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace hecaton::optim {
namespace {

/// How much of the way down is done, [0, 1].
double share_of(int64_t num_done, int64_t num_steps) {
  const auto share =
      static_cast<double>(num_done) / static_cast<double>(std::max<int64_t>(num_steps, 1));
  return std::clamp(share, 0.0, 1.0);
}

/// Learning rate over the peak.
double ratio_after_warmup(const ScheduleConfig& config, int64_t step) {
  const double range = 1.0 - config.min_lr_ratio;
  const int64_t num_left = config.max_steps - config.warmup_steps;
  const double share =
      share_of(step - config.warmup_steps, config.decay_steps.value_or(num_left - 1));
  switch (config.type) {
    case ScheduleType::kConstant:
      return 1.0;
    case ScheduleType::kLinear:
      return 1.0 - range * share;
    case ScheduleType::kCosine:
      return config.min_lr_ratio + range * 0.5 * (1.0 + std::cos(std::numbers::pi * share));
    case ScheduleType::kWsd: {
      const int64_t default_steps = std::llround(0.1 * static_cast<double>(config.max_steps));
      const int64_t decay_steps = std::min(config.decay_steps.value_or(default_steps), num_left);
      return 1.0 - range * share_of(step + 1 - config.max_steps + decay_steps, decay_steps);
    }
    case ScheduleType::kInverseSqrt:
      break;
  }
  const auto warmup_steps = static_cast<double>(std::max<int64_t>(config.warmup_steps, 1));
  return std::max(config.min_lr_ratio, std::sqrt(warmup_steps / static_cast<double>(step + 1)));
}

}  // namespace

void ScheduleConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(std::isfinite(lr) && lr >= 0.0, "lr", lr, "must be finite and at least 0");
  faults.require(max_steps >= 1, "max_steps", max_steps, "must be at least 1");
  faults.require(warmup_steps >= 0 && warmup_steps <= max_steps,
                 "warmup_steps",
                 warmup_steps,
                 "must be from 0 to max_steps=" + std::to_string(max_steps));
  faults.require(min_lr_ratio >= 0.0 && min_lr_ratio <= 1.0,
                 "min_lr_ratio",
                 min_lr_ratio,
                 "must be in [0, 1]");
  faults.require(
      decay_steps.value_or(1) >= 1, "decay_steps", decay_steps.value_or(1), "must be at least 1");
}

double learning_rate(const ScheduleConfig& config, int64_t step) {
  if (step < config.warmup_steps) {
    return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  return config.lr * ratio_after_warmup(config, step);
}

}  // namespace hecaton::optim
