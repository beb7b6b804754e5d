// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/adamw.h"

#include <cmath>
#include <vector>

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>

namespace hecaton::optim {

void AdamWConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(beta1 >= 0.0 && beta1 < 1.0, "beta1", beta1, "must be in [0, 1)");
  faults.require(beta2 >= 0.0 && beta2 < 1.0, "beta2", beta2, "must be in [0, 1)");
  faults.require(std::isfinite(eps) && eps > 0.0, "eps", eps, "must be finite and above 0");
  faults.require(std::isfinite(weight_decay) && weight_decay >= 0.0,
                 "weight_decay",
                 weight_decay,
                 "must be finite and at least 0");
}

void AdamWConfig::validate() const {
  ConfigFaults faults("optimizer");
  collect_faults(faults);
  faults.throw_if_any();
}

AdamW::AdamW(FlatParameters& parameters, const AdamWConfig& config)
    : Optimizer(parameters), config_(config) {
  config.validate();
  for (const FlatGroup& group : parameters.groups()) {
    if (!group.update.is_frozen) {
      add_state("exp_avg", group);
      add_state("exp_avg_sq", group);
    }
  }
}

void AdamW::update(FlatGroup& group, double lr) {
  adamw_update(
      group, {state("exp_avg", group), state("exp_avg_sq", group), num_steps()}, lr, config_);
}

void adamw_update(FlatGroup& group, const Moments& moments, double lr, const AdamWConfig& config) {
  // The kernel wants the step as a float32 tensor and computes the bias corrections in float64.
  const at::Tensor step =
      at::full({}, static_cast<double>(moments.num_steps), at::TensorOptions().dtype(at::kFloat));
  std::vector<at::Tensor> master = {group.master.flat_Z()};
  at::_fused_adamw_(master,
                    {group.reduced_grad.flat_Z()},
                    {moments.exp_avg.flat_Z()},
                    {moments.exp_avg_sq.flat_Z()},
                    /*max_exp_avg_sqs=*/{},
                    {step},
                    lr,
                    config.beta1,
                    config.beta2,
                    weight_decay_of(group, config.weight_decay),
                    config.eps,
                    /*amsgrad=*/false,
                    /*maximize=*/false);
}

}  // namespace hecaton::optim
