// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>

#include "core/config_faults.h"

namespace hecaton::optim {

/// How the learning rate goes on after warm-up.
enum class ScheduleType { kConstant, kLinear, kCosine, kWsd, kInverseSqrt };

/// A learning rate per step: linear warm-up from 0, then by type.
struct ScheduleConfig {
  ScheduleType type = ScheduleType::kCosine;
  double lr = 3e-4;           ///< peak, at least 0 and finite
  int64_t warmup_steps = 0;   ///< steps until the peak, 0 to max_steps
  int64_t max_steps = 1;      ///< steps of the run, at least 1
  double min_lr_ratio = 0.1;  ///< smallest learning rate over the peak, [0, 1]; not for constant
  /// Steps that the way down takes, at least 1. Linear and cosine: from the first step after the
  /// warm-up; unset: until the last step. Wsd: until the last step, cut to what the warm-up leaves;
  /// unset: a tenth of the run, rounded (Hu et al.). Not for the others.
  std::optional<int64_t> decay_steps{};

  void collect_faults(ConfigFaults& faults) const;
};

/// The learning rate of step s, from 0.
///
/// Formula:     w = warmup_steps, d = decay_steps, m = min_lr_ratio, and
///              s < w:         lr (s + 1) / w, so that no step is lost
///              constant:      lr
///              linear:        lr (1 - (1 - m) p),                  p = (s - w) / d
///              cosine:        lr (m + (1 - m) (1 + cos(pi p)) / 2), p = (s - w) / d
///              wsd:           lr (1 - (1 - m) p),                  p = (s + 1 - max_steps + d) / d
///              inverse_sqrt:  lr max(m, sqrt(max(w, 1) / (s + 1)))
///              with p cut to [0, 1]. Unset, d = max_steps - 1 - w for linear and cosine, so that
///              the first step after the warm-up gets lr and the last one m lr (lr where these are
///              one step). With wsd the last d steps are below lr and the last one gets m lr. Steps
///              after the end stay where the formula is.
/// Source:      Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5, without restarts
/// (cosine);
///              Hu et al. 2024, arXiv 2404.06395, section 4 (wsd, here with a linear way down);
///              Raffel et al. 2020, arXiv 1910.10683, section 3.1.2 (inverse_sqrt, here with the
///              linear warm-up of Vaswani et al. 2017, arXiv 1706.03762, equation 3).
double learning_rate(const ScheduleConfig& config, int64_t step);

}  // namespace hecaton::optim
