// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config_faults.h"
#include "core/parameter.h"

namespace hecaton::optim {

/// What an optimizer does differently with the parameters whose global names match.
struct ParameterRule {
  /// Shell pattern for the whole name: * stands for any characters, dots included.
  std::string match = {};
  UpdateRule update = {};

  void collect_faults(ConfigFaults& faults) const;
};

/// Gives each parameter the update of the first rule that matches it, and takes requires_grad away
/// from the frozen ones. Call before FlatParameters.
///
/// num_experts: E, experts of a layer over all ranks. A rule treats all of them alike, so that it
///              does not depend on the layout. Any number if there are no experts.
/// Errors:      ConfigError, the same on every rank, listing each rule that does not validate,
///              matches nothing (the nearest name is given) or nothing that an earlier one leaves,
///              or treats the names in one stored tensor differently; or if nothing is left to
///              train. Nothing is changed then.
void apply_rules(const std::vector<ParameterRule>& rules,
                 int64_t num_experts,
                 std::vector<Parameter>& parameters);

}  // namespace hecaton::optim
