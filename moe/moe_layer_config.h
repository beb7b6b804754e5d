// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

#include "core/config_faults.h"
#include "core/options.h"
#include "kernels/activation_kind.h"
#include "moe/aux_loss.h"
#include "moe/capacity.h"
#include "moe/router_config.h"

namespace hecaton::moe {

/// What the routed experts are.
struct ExpertsConfig {
  std::string type = "ffn";  ///< a registered name (registry.h); ffn: GroupedFfn
  Options options{};         ///< of that type alone; GroupedFfn has none
};

/// Sizes and rules of an MoE layer built from the parts of this library.
struct MoeLayerConfig {
  int64_t hidden_size = 0;            ///< D, at least 1
  int64_t moe_intermediate_size = 0;  ///< F of each routed expert, at least 1
  /// F of the shared expert that sees every token, at least 0; 0: none. Default: Mixtral has none.
  int64_t shared_expert_intermediate_size = 0;
  kernels::Activation activation = kernels::Activation::kSwiGlu;
  RouterConfig router{};
  ExpertsConfig experts{};
  CapacityConfig capacity{};
  std::vector<RoutingLossConfig> losses{};  ///< default: none
  at::ScalarType dtype = at::kFloat;        ///< float32, bfloat16 or float64

  void collect_faults(ConfigFaults& faults) const;
  /// Throws one ConfigError that lists every fault.
  void validate() const;
};

}  // namespace hecaton::moe
