// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/optimizer.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>

#include "core/check.h"
#include "core/trace.h"

namespace hecaton::optim {

void Optimizer::step(double lr) {
  HECATON_TRACE_RANGE("optim.step");
  const at::NoGradGuard no_grad;
  ++num_steps_;
  for (FlatGroup& group : parameters_.groups()) {
    if (!group.update.is_frozen) {
      update(group, lr * group.update.lr_scale);
    }
  }
  parameters_.copy_masters_to_values();
}

void Optimizer::add_state(const std::string& kind, const FlatGroup& group) {
  const at::ScalarType dtype = group.reduced_grad.flat_Z().scalar_type();
  states_.push_back({kind, &group, group.reduced_grad.zeros_like(dtype)});
}

const FlatBuffer& Optimizer::state(const std::string& kind, const FlatGroup& group) const {
  const auto found =
      std::find_if(states_.begin(), states_.end(), [&](const OptimizerState& candidate) {
        return candidate.group == &group && candidate.kind == kind;
      });
  HECATON_CHECK(found != states_.end(), "no state of the kind " + kind);
  return found->buffer;
}

double weight_decay_of(const FlatGroup& group, double weight_decay) {
  return group.update.weight_decay.value_or(group.decay == DecayClass::kDecay ? weight_decay : 0.0);
}

}  // namespace hecaton::optim
