// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/flat_parameters.h"

namespace hecaton::optim {

/// One kind of state of one flat group. buffer.view(i) belongs to group->parameters[i], and
/// slice_view() of it to each of that parameter's slices.
struct OptimizerState {
  std::string kind;  ///< "exp_avg", "exp_avg_sq" or "momentum"
  const FlatGroup* group = nullptr;
  FlatBuffer buffer;  ///< dtype of the group's gradients
};

/// What all optimizers on flat parameters have in common: steps, and state that can be saved.
/// Frozen groups have no state and are left alone.
///
/// To resume, copy every saved tensor into the view of the same kind and name, call
/// set_num_steps(), and the next step has the bits of a run that never stopped.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every trained parameter from the gradients in the flat parameters.
  /// lr: learning rate before any group's lr_scale, at least 0.
  void step(double lr);

  /// In the order of groups, then of kinds. Copies share the memory, so views of them restore.
  const std::vector<OptimizerState>& states() const { return states_; }
  /// Steps since the state was zero.
  int64_t num_steps() const { return num_steps_; }
  void set_num_steps(int64_t num_steps) { num_steps_ = num_steps; }

 protected:
  /// parameters: must outlive this object, and its groups stay as they are.
  explicit Optimizer(FlatParameters& parameters) : parameters_(parameters) {}

  /// Adds zeros to the state of a group.
  void add_state(const std::string& kind, const FlatGroup& group);
  /// The state of that kind of a group.
  const FlatBuffer& state(const std::string& kind, const FlatGroup& group) const;

 private:
  /// Updates group.master. lr: of this group. Not called for frozen groups.
  virtual void update(FlatGroup& group, double lr) = 0;

  FlatParameters& parameters_;
  std::vector<OptimizerState> states_;
  int64_t num_steps_ = 0;
};

/// Weight decay of a group: its own, or else that of the optimizer unless it has none by its class.
double weight_decay_of(const FlatGroup& group, double weight_decay);

}  // namespace hecaton::optim
