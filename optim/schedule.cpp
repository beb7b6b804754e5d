// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace hecaton::optim {

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
}

double learning_rate(const ScheduleConfig& config, int64_t step) {
  if (step < config.warmup_steps) {
    return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  if (config.type == ScheduleType::kConstant) {
    return config.lr;
  }
  const auto num_decay_steps =
      static_cast<double>(std::max<int64_t>(1, config.max_steps - 1 - config.warmup_steps));
  const double progress =
      std::min(1.0, static_cast<double>(step - config.warmup_steps) / num_decay_steps);
  const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return config.lr * (config.min_lr_ratio + (1.0 - config.min_lr_ratio) * cosine);
}

}  // namespace hecaton::optim
