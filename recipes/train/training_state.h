// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hecaton::recipes {

/// The file of a checkpoint that holds to_json() of a TrainingState.
inline constexpr const char* kTrainingStateName = "trainer_state.json";

/// The best evaluation of a run so far.
struct BestEvaluation {
  int64_t step = 0;
  double loss = 0.0;  ///< nats per trained token

  bool operator==(const BestEvaluation&) const = default;
};

/// What the next step depends on beside tensors and recipe, and what the log goes on from. Samples,
/// random numbers and learning rates are functions of the step, so there is no more to it.
struct TrainingState {
  int64_t step = 0;         ///< steps done, the skipped ones included
  int64_t num_tokens = 0;   ///< trained so far, over all ranks
  int64_t num_updates = 0;  ///< steps of the optimizer: fewer than `step` if some were skipped
  double elapsed_s = 0.0;   ///< since the start of the run, over all its processes
  uint64_t data_fingerprint = 0;  ///< of the training data
  std::optional<BestEvaluation> best{};

  bool operator==(const TrainingState&) const = default;
};

/// One JSON object. Numbers read back to the same bits.
std::string to_json(const TrainingState& state);

/// path: for messages. Errors: CheckpointError naming path and key if the text is no such object.
TrainingState training_state_from_json(const std::string& text, const std::string& path);

}  // namespace hecaton::recipes
