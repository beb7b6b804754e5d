// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>

#include "core/config_faults.h"
#include "moe/capacity_scope.h"
#include "moe/routing.h"

namespace hecaton::moe {

/// How many tokens an expert takes.
struct CapacityConfig {
  /// Capacity over the mean load. 1e-6 to 1e6. Unset: no limit, nothing is dropped.
  /// Default: ours.
  std::optional<double> factor;
  /// Default: the only scope whose result depends on neither layout nor batch size.
  CapacityScope scope = CapacityScope::kSequence;

  void collect_faults(ConfigFaults& faults) const;
};

/// Slots that an expert takes out of num_tokens tokens: ceil(factor * num_tokens * K / E), at most
/// num_tokens. Integer arithmetic; the factor, in the range of CapacityConfig, counts to six
/// decimals. Errors: ShapeError if the product does not fit into 63 bits.
int64_t expert_capacity(double factor, int64_t num_tokens, int64_t K, int64_t E);

/// Turns away the slots beyond capacity: first come, first served, in the order of tokens, and
/// within a token best expert first. A slot turned away gets expert -1 and weight 0; the token then
/// passes through the residual connection alone, its other weights are not renormalised.
///
/// Source:      Fedus et al. 2021, arXiv 2101.03961, equation 3; Lepikhin et al. 2020, arXiv
///              2006.16668, section 2.2. Deviations: K slots per token are counted; second choices
///              do not wait for the first choices of later tokens.
/// routing:     changed: expert_idx_TK, weight_TK, num_tokens_E, num_dropped; the choice before it
///              goes to chosen_idx_TK. Left alone when config.factor is unset. A replayed routing
///              drops the slots that were dropped when it was recorded, whatever the config.
/// Gradient:    to weight_TK in the slots that stay; 0 in the others.
/// Parallel:    with scope kMicroBatch two reductions through context.counts, on every rank; none
///              for a replayed routing.
/// Determinism: bitwise; an integer decision.
void apply_capacity(const CapacityConfig& config, const RoutingContext& context, Routing& routing);

}  // namespace hecaton::moe
