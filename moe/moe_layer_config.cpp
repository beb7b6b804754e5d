// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/moe_layer_config.h"

#include <string>

#include "moe/registry.h"

namespace hecaton::moe {

void MoeLayerConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(hidden_size >= 1, "hidden_size", hidden_size, "must be at least 1");
  faults.require(moe_intermediate_size >= 1,
                 "moe_intermediate_size",
                 moe_intermediate_size,
                 "must be at least 1");
  faults.require(shared_expert_intermediate_size >= 0,
                 "shared_expert_intermediate_size",
                 shared_expert_intermediate_size,
                 "must be at least 0");
  faults.require_valid("router", router);
  collect_component_faults(*this, faults);
  capacity.collect_faults(faults);
  for (size_t i = 0; i < losses.size(); ++i) {
    faults.require_valid("losses." + std::to_string(i), losses[i]);
  }
  const bool is_model_dtype = dtype == at::kFloat || dtype == at::kBFloat16 || dtype == at::kDouble;
  faults.require(is_model_dtype, "dtype", dtype, "must be float32, bfloat16 or float64");
}

void MoeLayerConfig::validate() const {
  ConfigFaults faults("moe");
  collect_faults(faults);
  faults.throw_if_any();
}

}  // namespace hecaton::moe
