// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "moe/routing.h"

namespace hecaton::moe {

/// What a loss may read of one layer and one micro-batch.
struct RoutingLossInput {
  const Routing& routing;         ///< this rank's, before any capacity
  const RoutingContext& context;  ///< of the same tokens
  /// [E] int64, used slots over all ranks of the micro-batch. Defined for losses that read counts.
  at::Tensor num_tokens_E = {};
  int64_t num_tokens = 0;  ///< tokens over all ranks of the micro-batch, where num_tokens_E is
  double divisor = 1.0;    ///< tokens of the whole optimizer step over all ranks, at least 1
};

/// A loss on the routing itself.
///
/// Its value for an optimizer step is the sum of share() over all ranks and micro-batches, so a
/// share divides by numbers of the whole step or the whole micro-batch, never by those of a rank.
/// Then a step's loss does not depend on the layout.
class RoutingLoss {
 public:
  virtual ~RoutingLoss() = default;

  /// Whether share() reads num_tokens_E or num_tokens, which ranks must ask each other for.
  virtual bool reads_counts() const { return false; }

  /// Returns:     this rank's share before the coefficient: a scalar of the dtype of prob_TE.
  /// Gradient:    to prob_TE, logit_TE and weight_TK; none through counts.
  /// Parallel:    collectives through context.counts alone, the same ones on every rank.
  virtual at::Tensor share(const RoutingLossInput& input) const = 0;
};

}  // namespace hecaton::moe
