// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "core/config_faults.h"

namespace hecaton::optim {

/// How the learning rate goes on after warm-up.
enum class ScheduleType { kConstant, kCosine };

/// A learning rate per step: linear warm-up from 0, then constant or a half cosine down.
struct ScheduleConfig {
  ScheduleType type = ScheduleType::kCosine;
  double lr = 3e-4;           ///< peak, at least 0 and finite
  int64_t warmup_steps = 0;   ///< steps until the peak, 0 to max_steps
  int64_t max_steps = 1;      ///< steps of the run, at least 1
  double min_lr_ratio = 0.1;  ///< last learning rate over the peak, [0, 1]; cosine only

  void collect_faults(ConfigFaults& faults) const;
};

/// The learning rate of step `step`, from 0: lr * (step + 1) / warmup_steps while warming up, so
/// that no step is lost. The cosine starts at lr with the first step after the warm-up and ends at
/// min_lr_ratio * lr with the last step, max_steps - 1; where that is one and the same step, it
/// gets lr. Source: Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5, without restarts.
double learning_rate(const ScheduleConfig& config, int64_t step);

}  // namespace hecaton::optim
