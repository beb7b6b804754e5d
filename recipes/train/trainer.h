// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "checkpoint/store.h"
#include "parallel/mesh.h"
#include "recipes/config/recipe_io.h"
#include "recipes/data/recipe_data.h"
#include "recipes/train/resume.h"
#include "recipes/train/run_folder.h"
#include "recipes/train/run_outcome.h"
#include "recipes/train/stop_signals.h"
#include "recipes/train/training_engine.h"
#include "recipes/train/training_log.h"
#include "recipes/train/training_state.h"

namespace hecaton::recipes {

/// Trains a model as a recipe says: data, engine, evaluation, metrics, console, run folder,
/// checkpoints, resume.
///
/// Every rank makes one and calls run(). Rank 0 alone prints.
class Trainer {
 public:
  /// Finds every fault that can be found before the first step, and goes on from a checkpoint if
  /// the recipe says so.
  /// Errors: ConfigError, DataError, CheckpointError, IoError.
  Trainer(LoadedRecipe loaded, parallel::Mesh& mesh);

  /// Trains to the last step, evaluates before and after, saves, and prints a closing block. Ends
  /// early, after a save, when a signal (StopSignals) or training.max_minutes asks for it.
  /// Errors: NumericError, IoError, CommError; then no checkpoint is touched.
  RunOutcome run();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_main_rank() const { return mesh_.world().rank() == 0; }
  void check_data();
  void go_on_from(const ResumePoint& point);
  void open_folder();
  void print_summary();
  void train_step();
  void evaluate();
  /// What any rank was asked to do, the same on every rank.
  StopRequest agree_on_request();
  void save();
  void print_closing_block();

  StopSignals signals_;  ///< first, so that a request while data is read is kept
  LoadedRecipe loaded_;  ///< as it was given, with the batch of this world resolved
  Recipe recipe_;        ///< resolved for this rank count
  parallel::Mesh& mesh_;
  RecipeData data_;
  TrainingEngine engine_;
  RunFolder folder_;
  checkpoint::Store store_;
  std::vector<Batch> evaluation_batches_;
  TrainingState state_;
  double elapsed_before_s_ = 0.0;  ///< of the processes before this one
  Clock::time_point start_ = Clock::now();
  std::optional<TrainingLog> log_;  ///< on rank 0
  bool is_best_ = false;            ///< the last evaluation was the best so far
  int64_t last_saved_step_ = -1;    ///< in the run folder
};

}  // namespace hecaton::recipes
