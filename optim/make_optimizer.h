// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>
#include <vector>

#include "optim/muon.h"
#include "optim/optimizer.h"
#include "optim/parameter_rules.h"

namespace hecaton::optim {

enum class OptimizerType { kAdamW, kMuon };

/// Any optimizer of this folder, and which parameters it treats differently.
struct OptimizerConfig {
  OptimizerType type = OptimizerType::kAdamW;
  MuonConfig settings{};                ///< AdamW reads settings.adamw alone
  std::vector<ParameterRule> groups{};  ///< for apply_rules(), before the parameters become flat
};

/// parameters: must outlive the optimizer. mesh: of their shards, null if they are not shared out.
/// Errors: ConfigError of AdamW and Muon.
std::unique_ptr<Optimizer> make_optimizer(FlatParameters& parameters,
                                          const OptimizerConfig& config,
                                          const parallel::Mesh* mesh = nullptr);

}  // namespace hecaton::optim
