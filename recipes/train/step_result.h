// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace hecaton::recipes {

/// Numbers of one optimizer step, the same on every rank.
struct StepResult {
  bool is_applied = true;  ///< false: loss or gradient norm was not finite, nothing was updated
  double loss = 0.0;       ///< mean cross-entropy per trained token, nats
  double grad_norm = 0.0;  ///< before clipping
  /// Routing losses by type: means over MoE layers, before the coefficients.
  std::map<std::string, double> routing_losses;
  double max_vio =
      0.0;  ///< (max - mean) / mean of the experts' loads over the step, mean over layers
  double drop_frac = 0.0;  ///< slots that the capacity turned away, over all slots
  int64_t num_tokens = 0;  ///< valid input tokens over all ranks
};

/// Mean cross-entropy of some batches.
struct EvalResult {
  double loss = 0.0;  ///< nats per trained token
  int64_t num_target_tokens = 0;
};

}  // namespace hecaton::recipes
