// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "parallel/flight_recorder.h"
#include "recipes/config/recipe.h"
#include "recipes/train/metrics.h"
#include "recipes/train/run_folder.h"
#include "recipes/train/step_result.h"
#include "recipes/train/training_state.h"

namespace hecaton::recipes {

/// Whether a run tells of this step, counted from 1: the first, the last, and every
/// logging.logging_steps.
bool is_logged(const Recipe& recipe, int64_t step);

/// What rank 0 tells of a run while it goes on: console lines and rows of metrics.
class TrainingLog {
 public:
  /// Per mesh axis.
  using Traffic = std::map<std::string, parallel::AxisTraffic>;

  /// Appends to the metrics of the run folder. recipe: must outlive this object. Errors: IoError.
  TrainingLog(const RunFolder& folder, const Recipe& recipe, bool has_experts);

  /// A step that is done. state: after it. step_s: how long it took. traffic: of this rank since
  /// its recorder began. Writes if is_logged(). Errors: IoError.
  void add_step(const TrainingState& state,
                const StepResult& result,
                double lr,
                double step_s,
                const Traffic& traffic);

  /// Errors: IoError.
  void add_evaluation(const TrainingState& state, const EvalResult& result);

 private:
  const Recipe& recipe_;
  const bool has_experts_;
  JsonlWriter train_metrics_;
  JsonlWriter eval_metrics_;
  // Of all steps since this process began.
  int64_t num_steps_ = 0;
  double steps_s_ = 0.0;
  // Of the steps since the last row.
  int64_t num_interval_steps_ = 0;
  int64_t num_interval_tokens_ = 0;
  double interval_s_ = 0.0;
  Traffic traffic_before_;
};

/// The last words of a run: held-out loss before and after, a curve of the training loss, and where
/// the model is, from the metrics of the run folder.
///
/// bigram_loss: of a byte-bigram model on the same data; empty: the tokens are no bytes.
/// Errors:      those of metric_points().
std::string closing_block(const Recipe& recipe,
                          const RunFolder& folder,
                          const TrainingState& state,
                          std::optional<double> bigram_loss);

}  // namespace hecaton::recipes
