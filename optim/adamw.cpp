// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/adamw.h"

#include <cmath>

#include <ATen/core/grad_mode.h>
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
    : parameters_(parameters), config_(config) {
  config.validate();
  for (const FlatGroup& group : parameters.groups()) {
    const at::ScalarType dtype = group.grad.flat_Z().scalar_type();
    states_.push_back({group.grad.zeros_like(dtype), group.grad.zeros_like(dtype)});
  }
}

void AdamW::step(double lr) {
  const at::NoGradGuard no_grad;
  ++num_steps_;
  for (size_t i = 0; i < states_.size(); ++i) {
    const FlatGroup& group = parameters_.groups()[i];
    // The kernel wants the step as a float32 tensor and computes the bias corrections in float64.
    const at::Tensor step =
        at::full({}, static_cast<double>(num_steps_), at::TensorOptions().dtype(at::kFloat));
    std::vector<at::Tensor> master = {group.master.flat_Z()};
    at::_fused_adamw_(master,
                      {group.grad.flat_Z()},
                      {states_[i].mean.flat_Z()},
                      {states_[i].mean_square.flat_Z()},
                      /*max_exp_avg_sqs=*/{},
                      {step},
                      lr,
                      config_.beta1,
                      config_.beta2,
                      group.decay == DecayClass::kDecay ? config_.weight_decay : 0.0,
                      config_.eps,
                      /*amsgrad=*/false,
                      /*maximize=*/false);
  }
  parameters_.copy_masters_to_values();
}

}  // namespace hecaton::optim
