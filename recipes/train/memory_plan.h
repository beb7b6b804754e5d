// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "models/decoder_config.h"
#include "optim/make_optimizer.h"

namespace hecaton::recipes {

/// What of a run decides the memory of one rank.
struct MemorySettings {
  int64_t dp = 1;                ///< ranks that hold the dense parameters
  int64_t ep = 1;                ///< ranks that share the experts; divides their number and dp
  int64_t zero = 1;              ///< as TrainingEngine's
  int64_t micro_batch_size = 1;  ///< sequences per pass
  int64_t sequence_length = 1;   ///< tokens per sequence
};

/// Bytes that one rank holds in a training step.
struct MemoryPlan {
  int64_t weights = 0;
  int64_t masters = 0;          ///< float32 copies of trained bfloat16 weights
  int64_t gradients = 0;        ///< accumulators, float32 or float64
  int64_t dense_gradients = 0;  ///< of the non-expert weights, as autograd leaves them
  int64_t moments = 0;          ///< state of the optimizer, float32 or float64
  /// What the forward pass of one micro-batch keeps for backward, and what recomputation adds, with
  /// even routing and no capacity: an estimate.
  int64_t activations = 0;
  /// Logits of a chunk of the loss with what is computed from them, and the gradient of the head's
  /// weight that comes with it: an estimate.
  int64_t loss = 0;

  int64_t total() const {
    return weights + masters + gradients + dense_gradients + moments + activations + loss;
  }
};

/// Computes all of it from the configs, without any weight. Frozen parameters have a value alone.
/// model: validated. Errors: ConfigError of optim::apply_rules().
MemoryPlan plan_memory(const models::DecoderConfig& model,
                       const optim::OptimizerConfig& optimizer,
                       const MemorySettings& settings);

}  // namespace hecaton::recipes
