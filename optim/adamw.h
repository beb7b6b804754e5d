// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "core/config_faults.h"
#include "optim/optimizer.h"

namespace hecaton::optim {

/// Settings of AdamW; the learning rate comes with each step.
struct AdamWConfig {
  double beta1 = 0.9;   ///< decay of the mean, [0, 1)
  double beta2 = 0.95;  ///< decay of the mean square, [0, 1); GPT-3's, arXiv 2005.14165
  double eps = 1e-8;    ///< added to the root, above 0
  /// Per unit of learning rate, at least 0; DecayClass::kNoDecay has none.
  double weight_decay = 0.1;

  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

/// Adam with decoupled weight decay, on flat buffers.
///
/// Formula:     m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
///              w = w - lr (weight_decay w + m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps))
/// Source:      Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2, with the schedule's
///              factor folded into lr. Deviations: lr multiplies the decay too, as in LibTorch.
/// State:       exp_avg (m) and exp_avg_sq (v).
/// Precision:   master weights, moments and gradients in float32; all of it in float64 for float64
///              parameters. bfloat16 parameters are the rounded masters.
/// Determinism: bitwise on one layout.
class AdamW final : public Optimizer {
 public:
  /// Errors: ConfigError if config.validate() fails.
  AdamW(FlatParameters& parameters, const AdamWConfig& config);

 private:
  void update(FlatGroup& group, double lr) override;

  AdamWConfig config_;
};

/// State of AdamW for one flat group.
struct Moments {
  const FlatBuffer& exp_avg;     ///< m, changed by an update
  const FlatBuffer& exp_avg_sq;  ///< v, changed by an update
  int64_t num_steps;             ///< t, with the step that is taken
};

/// The update of AdamW for one group, for optimizers that treat only some groups in another way.
/// lr: of this group. weight_decay_of() applies.
void adamw_update(FlatGroup& group, const Moments& moments, double lr, const AdamWConfig& config);

}  // namespace hecaton::optim
