// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <vector>

#include "core/config_faults.h"
#include "core/flat_parameters.h"

namespace hecaton::optim {

/// Settings of AdamW; the learning rate comes with each step.
struct AdamWConfig {
  double beta1 = 0.9;   ///< decay of the mean, [0, 1)
  double beta2 = 0.95;  ///< decay of the mean square, [0, 1); GPT-3's, arXiv 2005.14165
  double eps = 1e-8;    ///< added to the root, above 0
  double weight_decay =
      0.1;  ///< per unit of learning rate, at least 0; not for DecayClass::kNoDecay

  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

/// Adam with decoupled weight decay, on flat buffers.
///
/// Formula:     m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///              w = w - lr (weight_decay w + m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps))
/// Source:      Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2, with the schedule's
/// factor
///              folded into lr.
/// Precision:   master weights, moments and gradients in float32; all of it in float64 for float64
///              parameters. bfloat16 parameters are the rounded masters.
/// Determinism: bitwise on one layout.
class AdamW {
 public:
  /// One group of flat buffers and its state.
  struct State {
    FlatBuffer mean;         ///< m
    FlatBuffer mean_square;  ///< v
  };

  /// parameters: must outlive this object. Errors: ConfigError if config.validate() fails.
  AdamW(FlatParameters& parameters, const AdamWConfig& config);

  /// One update of every parameter from the gradients in `parameters`. lr: learning rate, at least
  /// 0.
  void step(double lr);

  /// State of each group, in the order of parameters.groups().
  const std::vector<State>& states() const { return states_; }
  int64_t num_steps() const { return num_steps_; }

 private:
  FlatParameters& parameters_;
  AdamWConfig config_;
  std::vector<State> states_;
  int64_t num_steps_ = 0;
};

}  // namespace hecaton::optim
