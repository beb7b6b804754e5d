// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/make_optimizer.h"

namespace hecaton::optim {

std::unique_ptr<Optimizer> make_optimizer(FlatParameters& parameters,
                                          const OptimizerConfig& config,
                                          const parallel::Mesh* mesh) {
  if (config.type == OptimizerType::kMuon) {
    return std::make_unique<Muon>(parameters, config.settings, mesh);
  }
  return std::make_unique<AdamW>(parameters, config.settings.adamw);
}

}  // namespace hecaton::optim
