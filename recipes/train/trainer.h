// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parallel/mesh.h"
#include "recipes/config/recipe_io.h"
#include "recipes/data/dataset.h"
#include "recipes/train/metrics.h"
#include "recipes/train/run_folder.h"
#include "recipes/train/training_engine.h"

namespace hecaton::recipes {

/// Training and validation data of a recipe. validation is empty if the recipe has none.
struct RecipeData {
  std::unique_ptr<TokenDataset> train;
  std::unique_ptr<TokenDataset> validation;
};

/// Errors: DataError for a missing path or an empty set.
RecipeData load_data(const Recipe& recipe);

/// This rank's batches of one pass over the first windows of a dataset, padded so that every rank
/// has as many. max_batches: per rank; unset: the whole set.
std::vector<Batch> evaluation_batches(const TokenDataset& data,
                                      int64_t micro_batch_size,
                                      std::optional<int64_t> max_batches,
                                      const parallel::Communicator& dp);

/// Trains a model as a recipe says: data, engine, evaluation, metrics, console, run folder, saved
/// model.
///
/// Every rank makes one and calls run(). Rank 0 alone writes and prints.
class Trainer {
 public:
  /// Finds every fault that can be found before the first step.
  /// Errors: ConfigError, DataError, IoError.
  Trainer(LoadedRecipe loaded, parallel::Mesh& mesh);

  /// Trains to the last step, evaluates before and after, saves, and prints a closing block.
  /// Errors: NumericError, IoError, CommError.
  void run();

 private:
  using Clock = std::chrono::steady_clock;

  bool is_main_rank() const { return mesh_.world().rank() == 0; }
  double seconds_since_start() const;
  /// The same without evaluations, which the rate and the remaining time leave out.
  double training_seconds() const;
  void print_summary();
  void train_step(int64_t step);
  void log_step(int64_t step, double lr, const StepResult& result);
  void evaluate(int64_t step);
  void save(int64_t step);
  void print_closing_block();

  LoadedRecipe loaded_;  ///< as it was given: the run folder's copy fits any number of ranks
  Recipe recipe_;        ///< resolved for this one
  parallel::Mesh& mesh_;
  RecipeData data_;
  TrainingEngine engine_;
  RunFolder folder_;
  std::vector<Batch> evaluation_batches_;
  std::unique_ptr<JsonlWriter> train_metrics_;
  std::unique_ptr<JsonlWriter> eval_metrics_;
  Clock::time_point start_ = Clock::now();
  double evaluation_s_ = 0.0;
  double training_s_at_last_log_ = 0.0;
  int64_t num_tokens_ = 0;  ///< trained so far, over all ranks
  int64_t num_tokens_at_last_log_ = 0;
  std::vector<std::pair<int64_t, double>> train_losses_;
  std::vector<std::pair<int64_t, double>> eval_losses_;
};

}  // namespace hecaton::recipes
