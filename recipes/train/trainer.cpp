// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>

#include <ATen/Parallel.h>
#include <ATen/ops/full.h>

#include "checkpoint/file_io.h"
#include "checkpoint/pending_save.h"
#include "core/error.h"
#include "core/log.h"
#include "models/decoder_plan.h"
#include "recipes/data/bigram.h"
#include "recipes/model/model_files.h"
#include "recipes/train/agreement.h"
#include "recipes/train/metrics.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/number_text.h"
#include "recipes/train/run_record.h"

namespace hecaton::recipes {
namespace {

Recipe resolved(Recipe recipe, const parallel::Mesh& mesh) {
  resolve_batch(recipe, mesh.dp().size());
  return recipe;
}

/// The part of the recipe that a later start must find unchanged whatever its ranks: the batch is
/// written out as a total.
LoadedRecipe with_global_batch(LoadedRecipe loaded, const Recipe& resolved) {
  loaded.recipe.training.global_batch_size = resolved.training.global_batch_size;
  return loaded;
}

double seconds_between(std::chrono::steady_clock::time_point begin,
                       std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Trainer::Trainer(LoadedRecipe loaded, parallel::Mesh& mesh)
    : loaded_(std::move(loaded)),
      recipe_(resolved(loaded_.recipe, mesh)),
      mesh_(mesh),
      data_(load_data(recipe_)),
      engine_(decoder_config(recipe_),
              optimizer_config(recipe_),
              static_cast<uint64_t>(recipe_.seed),
              mesh,
              recipe_.parallel.zero),
      folder_(recipe_.output_dir),
      store_(recipe_.output_dir, mesh.shared_world()) {
  loaded_ = with_global_batch(std::move(loaded_), recipe_);
  check_data();
  state_.data_fingerprint = data_.train->fingerprint();
  if (data_.validation != nullptr) {
    evaluation_batches_ = evaluation_batches(*data_.validation,
                                             *recipe_.training.micro_batch_size,
                                             num_evaluated_windows(recipe_, *data_.validation),
                                             mesh_.dp());
  }
  open_folder();
}

void Trainer::check_data() {
  const auto require_same = [this](const TokenDataset* data, const std::string& key) {
    const uint64_t fingerprint = data == nullptr ? 0 : data->fingerprint();
    if (const auto rank = first_rank_that_differs(mesh_.world(), fingerprint)) {
      throw DataError(key + ": expected the same tokens on every rank, found others on rank " +
                      std::to_string(*rank) + " than on rank 0");
    }
  };
  require_same(data_.train.get(), "dataset.train");
  require_same(data_.validation.get(), "dataset.validation");
}

void Trainer::open_folder() {
  const bool may_exist = recipe_.checkpoint.resume.has_value();
  on_main_rank(mesh_.world(), [&] { folder_.check(may_exist); });
  if (const auto point =
          find_resume_point(loaded_.recipe, data_.train->fingerprint(), mesh_.shared_world())) {
    go_on_from(*point);
  }
  if (state_.step == 0 && recipe_.model.base_model) {
    load_model(*engine_.decoder(),
               find_model(*recipe_.model.base_model).model_folder,
               /*converts_dtype=*/true);
    engine_.parameters().copy_values_to_masters();
  }
  // Made at last: a start that failed above would leave a folder that holds no run, and is refused.
  on_main_rank(mesh_.world(), [&] {
    const bool is_run = folder_.open(may_exist);
    checkpoint::write_file(folder_.record_path(), run_record(mesh_));
    add_log_file(folder_.log_path());
    // A run that starts again evaluates before its first step again.
    const int64_t last_kept_step = state_.step == 0 ? -1 : state_.step;
    cut_metrics(folder_.metrics_path("train"), last_kept_step);
    cut_metrics(folder_.metrics_path("eval"), last_kept_step);
    checkpoint::write_file(folder_.config_path(), print_recipe(loaded_, /*with_origins=*/true));
    log_.emplace(folder_, recipe_, !engine_.decoder()->moe_layers().empty());
    if (is_run && state_.step == 0) {
      log_warn(folder_.path() + " holds a run without a checkpoint: it starts again from step 0");
    }
  });
  mesh_.world().recorder().set_path(folder_.collectives_path(mesh_.world().rank()));
}

void Trainer::go_on_from(const ResumePoint& point) {
  const std::string& folder = point.checkpoint.folder();
  load_model(*engine_.decoder(), folder + "/model");
  engine_.parameters().copy_values_to_masters();
  point.checkpoint.load(engine_.state_pieces());
  engine_.optimizer().set_num_steps(point.state.num_updates);
  const uint64_t fingerprint = state_.data_fingerprint;
  state_ = point.state;
  state_.data_fingerprint = fingerprint;
  elapsed_before_s_ = state_.elapsed_s;
  if (is_main_rank()) {
    log_info("going on from " + folder);
    for (const RecipeChange& change : point.changes) {
      log_info("  " + change.key + " was " + change.before + " and is now " + change.after);
    }
  }
  if (point.is_of_this_run) {
    last_saved_step_ = state_.step;
    store_.set_aside_after(state_.step);
  }
}

void Trainer::print_summary() {
  const models::ParameterCount parameters = models::count_parameters(engine_.decoder()->config());
  const TrainingRecipe& training = recipe_.training;
  std::ostringstream out;
  out << "layout      " << mesh_.describe() << ", " << at::get_num_threads()
      << " threads per rank\n"
      << "parameters  " << short_count(parameters.total) << " in total, "
      << short_count(parameters.active) << " active per token\n"
      << "batch       " << *training.global_batch_size << " sequences of "
      << recipe_.dataset.sequence_length << " = "
      << short_count(*training.global_batch_size * recipe_.dataset.sequence_length)
      << " tokens per step (" << *training.micro_batch_size << " x "
      << *training.gradient_accumulation_steps << " per rank)\n"
      << "data        " << short_count(data_.train->num_tokens()) << " tokens in "
      << data_.train->num_documents() << " documents";
  if (data_.validation != nullptr) {
    out << ", held out " << short_count(data_.validation->num_tokens()) << " in "
        << data_.validation->num_documents();
  }
  if (recipe_.dataset.train.size() > 1) {
    out << "\n" << describe_sources(*data_.train, training);
  } else {
    out << "\n";
  }
  out << "run folder  " << folder_.path();
  log_info(out.str());
}

RunOutcome Trainer::run() {
  const int64_t max_steps = recipe_.training.max_steps;
  if (is_main_rank()) {
    print_summary();
    if (state_.step >= max_steps) {
      log_info("the run is at step " + std::to_string(state_.step) + " of " +
               std::to_string(max_steps) + ": nothing is left to do");
    }
  }
  start_ = Clock::now();
  engine_.check_parameters(state_.step);
  if (state_.step == 0) {
    evaluate();
  }
  while (state_.step < max_steps) {
    train_step();
    const bool is_last = state_.step == max_steps;
    const auto is_due = [&](std::optional<int64_t> interval) {
      return is_last || (interval && state_.step % *interval == 0);
    };
    if (is_due(recipe_.evaluation.eval_steps)) {
      evaluate();
    }
    const StopRequest request = agree_on_request();
    if (is_due(recipe_.checkpoint.save_steps) || is_best_ || request != StopRequest::kNone) {
      save();
    }
    if (request == StopRequest::kSaveAndStop && !is_last) {
      if (is_main_rank()) {
        const bool is_auto = recipe_.checkpoint.resume == "auto";
        log_info("stopped as asked after step " + std::to_string(state_.step) + "; " +
                 (is_auto ? "the same command" : "checkpoint.resume=auto") + " goes on from there");
      }
      return RunOutcome::kStopped;
    }
  }
  save();  // of a run that began at its end, with a checkpoint from elsewhere
  if (is_main_rank()) {
    print_closing_block();
  }
  return RunOutcome::kDone;
}

void Trainer::train_step() {
  const TrainingRecipe& training = recipe_.training;
  const Clock::time_point begin = Clock::now();
  const int64_t step = state_.step;
  const int64_t micro_batch_size = *training.micro_batch_size;
  std::vector<Batch> micro_batches;
  for (int64_t i = 0; i < *training.gradient_accumulation_steps; ++i) {
    const int64_t first_of_micro_batch =
        step * *training.global_batch_size + i * micro_batch_size * mesh_.dp().size();
    micro_batches.push_back(data_.train->train_batch(
        first_of_micro_batch + mesh_.dp().rank() * micro_batch_size, micro_batch_size));
    // The engine numbers tokens from the start of the step's global batch.
    micro_batches.back().first_sample -= step * *training.global_batch_size;
  }
  const double lr = optim::learning_rate(schedule_config(recipe_), step);
  const StepResult result =
      engine_.step(micro_batches,
                   {.step = step,
                    .lr = lr,
                    .max_grad_norm = training.max_grad_norm,
                    .skip_nonfinite = training.on_nonfinite == OnNonfinite::kSkip});
  ++state_.step;
  state_.num_updates += result.is_applied ? 1 : 0;
  state_.num_tokens += result.num_tokens;
  state_.elapsed_s = elapsed_before_s_ + seconds_between(start_, Clock::now());
  const auto add_to_log = [&] {
    log_->add_step(state_,
                   result,
                   lr,
                   seconds_between(begin, Clock::now()),
                   mesh_.world().recorder().traffic());
  };
  // Only a step that writes can fail, and only what can fail needs the ranks to agree.
  if (is_logged(recipe_, state_.step)) {
    on_main_rank(mesh_.world(), add_to_log);
  } else if (is_main_rank()) {
    add_to_log();
  }
}

void Trainer::evaluate() {
  is_best_ = false;
  if (evaluation_batches_.empty()) {
    return;
  }
  const EvalResult result = engine_.evaluate(evaluation_batches_);
  if (!std::isfinite(result.loss)) {
    throw NumericError("after step " + std::to_string(state_.step) +
                       ": expected a finite evaluation loss, found " + std::to_string(result.loss));
  }
  if (!state_.best || result.loss < state_.best->loss) {
    is_best_ = recipe_.checkpoint.save_best && state_.step > 0;
    state_.best = {.step = state_.step, .loss = result.loss};
  }
  on_main_rank(mesh_.world(), [&] { log_->add_evaluation(state_, result); });
}

StopRequest Trainer::agree_on_request() {
  StopRequest own = signals_.take();
  const std::optional<double> max_minutes = recipe_.training.max_minutes;
  if (max_minutes && seconds_between(start_, Clock::now()) > *max_minutes * 60.0) {
    own = StopRequest::kSaveAndStop;
  }
  const at::Tensor highest =
      at::full({1}, static_cast<int64_t>(own), at::TensorOptions().dtype(at::kLong));
  mesh_.world().all_reduce(highest, parallel::ReduceOp::kMax);
  return static_cast<StopRequest>(highest.item<int64_t>());
}

void Trainer::save() {
  if (last_saved_step_ == state_.step) {
    return;
  }
  engine_.check_parameters(state_.step);
  checkpoint::PendingSave save(folder_.path(), state_.step, mesh_.describe(), mesh_.shared_world());
  save.write(engine_.state_pieces());
  save.add_files([&](const std::string& folder) {
    if (is_main_rank()) {
      checkpoint::create_folders(folder + "/model");
      checkpoint::write_file(folder + "/config.yaml", print_recipe(loaded_, /*with_origins=*/true));
      checkpoint::write_file(folder + "/" + kTrainingStateName, to_json(state_));
    }
  });
  // On its own: it is a collective, which a rank that fails before it would never enter.
  save_model(*engine_.decoder(), mesh_, save.folder() + "/model");
  save.commit();
  last_saved_step_ = state_.step;
  is_best_ = false;
  std::vector<int64_t> protected_steps;
  if (recipe_.checkpoint.save_best && state_.best) {
    protected_steps.push_back(state_.best->step);
  }
  store_.remove_old(recipe_.checkpoint.save_total_limit.value_or(0), protected_steps);
}

void Trainer::print_closing_block() {
  std::optional<double> bigram;
  if (data_.validation != nullptr) {
    bigram = bigram_loss(
        *data_.train, *data_.validation, num_evaluated_windows(recipe_, *data_.validation));
  }
  std::cout << closing_block(recipe_, folder_, state_, bigram) << std::endl;
}

}  // namespace hecaton::recipes
