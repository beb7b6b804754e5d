// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

namespace hecaton::moe {

/// What a forward pass is for. kRecompute repeats a training forward during backward.
enum class Phase { kTrain, kEval, kRecompute };

/// Sums and scans integer counts over the ranks that work on one micro-batch. The identity on one
/// process; parallel/ has the one over a mesh axis. Every rank must call it the same number of
/// times.
class CountReducer {
 public:
  virtual ~CountReducer() = default;
  /// counts_E: int64, any shape, not changed. Returns the sum over all ranks.
  virtual at::Tensor sum(const at::Tensor& counts_E) = 0;
  /// Returns the sum over the ranks before this one; zeros on the first.
  virtual at::Tensor exclusive_scan(const at::Tensor& counts_E) = 0;
};

struct DispatchPlan;

/// One routing decision. Every tensor is contiguous and on the device of x_TD. "float" is float32,
/// or float64 in float64 models.
struct Routing {
  at::Tensor expert_idx_TK;  ///< [T, K] int32, in [0, E) or -1 for an unused or dropped slot
  at::Tensor weight_TK;      ///< [T, K] float, differentiable; 0 in unused slots
  at::Tensor prob_TE;        ///< [T, E] float, differentiable; rows sum to 1; the losses read it
  at::Tensor logit_TE;       ///< [T, E] float, differentiable; the z-loss reads it
  at::Tensor num_tokens_E;   ///< [E] int64, used slots per expert on this rank
  int64_t num_dropped = 0;   ///< slots on this rank that the capacity turned away
  at::Tensor next_state;     ///< what the router hands to the next MoE layer; undefined for most
  at::Tensor chosen_idx_TK;  ///< [T, K] int32, expert_idx_TK before any capacity; undefined: equal
  /// What the layer made of the decision, for a recomputation: [E + 1] int64, used slots and then
  /// tokens over all ranks of the micro-batch, before any capacity, if a loss asked for them ...
  at::Tensor micro_batch_counts;
  std::shared_ptr<const DispatchPlan> plan;  ///< ... and who sends what where
};

/// What some router needs to know about its tokens and most ignore. Tensors may be undefined; a
/// router that needs one says so.
struct RoutingContext {
  at::Tensor token_id_T;          ///< [T] int64, vocabulary ids
  at::Tensor global_token_idx_T;  ///< [T] int64, place in the step's global batch
  at::Tensor sequence_idx_T;      ///< [T] int32, ascending from 0; undefined: one sequence
  at::Tensor valid_T;             ///< [T] bool, false for padding; undefined: all valid
  int64_t step = 0;               ///< optimizer step, from 0
  int64_t layer = 0;              ///< index of the layer in the model
  Phase phase = Phase::kTrain;
  at::Tensor previous_state;  ///< Routing::next_state of the MoE layer before, if any
  /// A recorded decision on the valid tokens of this call: its experts and its dropped slots are
  /// used again, weights are computed anew. In a recomputation its counts and its plan are used
  /// too, so that ranks need not ask each other again. Null: decide.
  const Routing* replay = nullptr;
  /// Counts over all ranks of the micro-batch. Null: this process alone.
  CountReducer* counts = nullptr;
  /// Valid tokens of the whole optimizer step over all ranks: the one divisor of every routing
  /// loss. 0: those of this micro-batch over all ranks.
  int64_t num_loss_tokens = 0;
};

/// Counts of used slots: [E] int64. expert_idx_TK: int32, -1 for unused.
/// Errors: ShapeError for another dtype or an index of E or more.
at::Tensor count_tokens(const at::Tensor& expert_idx_TK, int64_t num_experts);

/// The experts that a replayed decision chose before any capacity: [num_tokens, K] int32.
/// Errors: ShapeError if it was recorded on another number of tokens or is no int32 matrix.
at::Tensor recorded_choice(const Routing& replay, int64_t num_tokens);

/// The parts of a decision that a recomputation replays, without the numbers per token and expert
/// that it computes anew.
/// Errors: ConfigError if the router hands on a state of floating-point numbers: its gradient would
///         be lost.
Routing replayable(const Routing& routing);

/// Counts of one process: the sum is the input itself and nobody comes before.
class LocalCounts final : public CountReducer {
 public:
  at::Tensor sum(const at::Tensor& counts_E) override { return counts_E; }
  at::Tensor exclusive_scan(const at::Tensor& counts_E) override;
};

}  // namespace hecaton::moe
