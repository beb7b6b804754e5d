// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <sstream>

#include <ATen/Parallel.h>

#include "checkpoint/file_io.h"
#include "core/error.h"
#include "core/log.h"
#include "recipes/data/bigram.h"
#include "recipes/data/text_files.h"
#include "recipes/model/model_files.h"
#include "recipes/train/console.h"
#include "recipes/train/host.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/run_record.h"

namespace hecaton::recipes {
namespace {

std::unique_ptr<TokenDataset> make_dataset(const std::vector<TextFile>& files,
                                           const Recipe& recipe) {
  return std::make_unique<TokenDataset>(
      tokenize_files(files),
      TokenDatasetOptions{.sequence_length = recipe.dataset.sequence_length,
                          .cross_document_attention = recipe.dataset.cross_document_attention,
                          .seed = static_cast<uint64_t>(recipe.seed)});
}

/// 1234567 -> "1.23 M".
std::string short_count(int64_t count) {
  char text[32];
  if (count >= 1'000'000'000) {
    std::snprintf(text, sizeof(text), "%.2f B", static_cast<double>(count) / 1e9);
  } else if (count >= 1'000'000) {
    std::snprintf(text, sizeof(text), "%.2f M", static_cast<double>(count) / 1e6);
  } else if (count >= 1'000) {
    std::snprintf(text, sizeof(text), "%.1f k", static_cast<double>(count) / 1e3);
  } else {
    std::snprintf(text, sizeof(text), "%lld", static_cast<long long>(count));
  }
  return text;
}

Recipe resolved(Recipe recipe, const parallel::Mesh& mesh) {
  resolve_batch(recipe, mesh.dp().size());
  return recipe;
}

std::string fixed(double value, int decimals) {
  char text[48];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

/// Errors of rank 0's own work, seen by every rank: a disk that fails fails the run on all of them.
template <typename Work>
void on_main_rank(parallel::Mesh& mesh, const Work& work) {
  std::exception_ptr error;
  if (mesh.world().rank() == 0) {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (!mesh.world().all_agree(error == nullptr)) {
    if (error != nullptr) {
      std::rethrow_exception(error);
    }
    throw PeerFailure("rank 0 failed");
  }
}

}  // namespace

RecipeData load_data(const Recipe& recipe) {
  const DatasetRecipe& dataset = recipe.dataset;
  RecipeData data;
  std::vector<TextFile> files = collect_text_files(dataset.train);
  if (dataset.validation_fraction > 0.0) {
    DocumentSplit split =
        split_documents(files, dataset.validation_fraction, static_cast<uint64_t>(recipe.seed));
    files = std::move(split.train);
    if (!split.validation.empty()) {
      data.validation = make_dataset(split.validation, recipe);
    }
  }
  data.train = make_dataset(files, recipe);
  if (!dataset.validation.empty()) {
    data.validation = make_dataset(collect_text_files(dataset.validation), recipe);
  }
  return data;
}

std::vector<Batch> evaluation_batches(const TokenDataset& data,
                                      int64_t micro_batch_size,
                                      std::optional<int64_t> max_batches,
                                      const parallel::Communicator& dp) {
  const int64_t per_round = micro_batch_size * dp.size();
  int64_t num_rounds = (data.num_windows() + per_round - 1) / per_round;
  if (max_batches) {
    num_rounds = std::min(num_rounds, *max_batches);
  }
  std::vector<Batch> batches;
  for (int64_t round = 0; round < num_rounds; ++round) {
    batches.push_back(
        data.window_batch(round * per_round + dp.rank() * micro_batch_size, micro_batch_size));
  }
  return batches;
}

Trainer::Trainer(LoadedRecipe loaded, parallel::Mesh& mesh)
    : loaded_(std::move(loaded)),
      recipe_(resolved(loaded_.recipe, mesh)),
      mesh_(mesh),
      data_(load_data(recipe_)),
      engine_(decoder_config(recipe_),
              adamw_config(recipe_),
              static_cast<uint64_t>(recipe_.seed),
              mesh),
      folder_(recipe_.output_dir) {
  if (data_.validation != nullptr) {
    evaluation_batches_ = evaluation_batches(*data_.validation,
                                             *recipe_.training.micro_batch_size,
                                             recipe_.evaluation.eval_batches,
                                             mesh_.dp());
  }
  on_main_rank(mesh_, [&] {
    folder_.create();
    checkpoint::write_file(folder_.config_path(), print_recipe(loaded_, /*with_origins=*/true));
    checkpoint::write_file(folder_.record_path(), run_record(mesh_));
    add_log_file(folder_.log_path());
    train_metrics_ = std::make_unique<JsonlWriter>(folder_.metrics_path("train"));
    eval_metrics_ = std::make_unique<JsonlWriter>(folder_.metrics_path("eval"));
  });
}

double Trainer::seconds_since_start() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

double Trainer::training_seconds() const {
  return seconds_since_start() - evaluation_s_;
}

void Trainer::print_summary() {
  const models::ParameterCount parameters = engine_.decoder()->parameter_count();
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
  out << "\nrun folder  " << folder_.path();
  log_info(out.str());
}

void Trainer::run() {
  if (is_main_rank()) {
    print_summary();
  }
  start_ = Clock::now();
  const std::optional<int64_t> eval_steps = recipe_.evaluation.eval_steps;
  const int64_t max_steps = recipe_.training.max_steps;
  evaluate(/*step=*/0);
  for (int64_t step = 0; step < max_steps; ++step) {
    train_step(step);
    const bool is_last = step + 1 == max_steps;
    if (is_last || (eval_steps && (step + 1) % *eval_steps == 0)) {
      evaluate(step + 1);
    }
  }
  save(max_steps);
  if (is_main_rank()) {
    print_closing_block();
  }
}

void Trainer::train_step(int64_t step) {
  const TrainingRecipe& training = recipe_.training;
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
  const StepResult result = engine_.step(micro_batches, {step, lr, training.max_grad_norm});
  num_tokens_ += result.num_tokens;
  train_losses_.emplace_back(step + 1, result.loss);
  on_main_rank(mesh_, [&] { log_step(step, lr, result); });
}

void Trainer::log_step(int64_t step, double lr, const StepResult& result) {
  const int64_t logging_steps = recipe_.logging.logging_steps;
  const int64_t max_steps = recipe_.training.max_steps;
  if ((step + 1) % logging_steps != 0 && step != 0 && step + 1 != max_steps) {
    return;
  }
  const double training_s = training_seconds();
  const double interval_s = training_s - training_s_at_last_log_;
  const auto tokens_per_s =
      static_cast<double>(num_tokens_ - num_tokens_at_last_log_) / std::max(interval_s, 1e-9);
  const bool has_experts = !engine_.decoder()->moe_layers().empty();
  StepReport report;
  report.step = step + 1;
  report.max_steps = max_steps;
  report.loss = result.loss;
  report.grad_norm = result.grad_norm;
  report.lr = lr;
  report.tokens_per_s = static_cast<int64_t>(tokens_per_s);
  report.memory_gib = memory_gib();
  if (has_experts) {
    report.max_violation = result.max_vio;
  }
  report.eta_s =
      training_s / static_cast<double>(step + 1) * static_cast<double>(max_steps - step - 1);
  log_info(console_line(report));
  const int64_t num_steps = step == 0 ? 1 : std::min(logging_steps, (step % logging_steps) + 1);
  train_metrics_->write({{"step", step + 1},
                         {"time", seconds_since_start()},
                         {"tokens", num_tokens_},
                         {"loss", result.loss},
                         {"grad_norm", result.grad_norm},
                         {"lr", lr},
                         {"tokens_per_s", tokens_per_s},
                         {"step_s", interval_s / static_cast<double>(num_steps)},
                         {"mem_gib", report.memory_gib},
                         {"aux_loss", result.switch_loss},
                         {"z_loss", result.z_loss},
                         {"max_vio", result.max_vio},
                         {"drop_frac", result.drop_frac}});
  training_s_at_last_log_ = training_s;
  num_tokens_at_last_log_ = num_tokens_;
}

void Trainer::evaluate(int64_t step) {
  if (evaluation_batches_.empty()) {
    return;
  }
  const double begin_s = seconds_since_start();
  const EvalResult result = engine_.evaluate(evaluation_batches_);
  evaluation_s_ += seconds_since_start() - begin_s;
  eval_losses_.emplace_back(step, result.loss);
  on_main_rank(mesh_, [&] {
    log_info("evaluation at step " + std::to_string(step) + " | loss " + fixed(result.loss, 4) +
             " nats per byte | perplexity " + fixed(std::exp(result.loss), 2));
    eval_metrics_->write({{"step", step},
                          {"tokens", num_tokens_},
                          {"loss", result.loss},
                          {"perplexity", std::exp(result.loss)},
                          {"dataset", std::string("validation")}});
  });
}

void Trainer::save(int64_t step) {
  const std::string folder = folder_.unfinished_step_path(step);
  on_main_rank(mesh_, [&] {
    checkpoint::create_folders(folder + "/model");
    checkpoint::write_file(folder + "/config.yaml", print_recipe(loaded_, /*with_origins=*/true));
  });
  save_model(*engine_.decoder(), mesh_, folder + "/model");
  on_main_rank(mesh_, [&] { folder_.commit_step(step); });
}

void Trainer::print_closing_block() {
  std::ostringstream out;
  out << "\n";  // the block is a paragraph of its own
  if (eval_losses_.size() > 1) {
    const double bigram =
        bigram_loss(*data_.train,
                    *data_.validation,
                    recipe_.evaluation.eval_batches.has_value()
                        ? std::min(data_.validation->num_windows(),
                                   *recipe_.evaluation.eval_batches *
                                       *recipe_.training.micro_batch_size * mesh_.dp().size())
                        : data_.validation->num_windows());
    out << "held-out loss  " << fixed(eval_losses_.front().second, 4) << " -> "
        << fixed(eval_losses_.back().second, 4)
        << " nats per byte; byte-bigram model of the same data " << fixed(bigram, 4) << "\n";
  }
  out << loss_plot(train_losses_, /*width=*/72, /*height=*/12, PlotCharacters::kBraille)
      << "trained " << short_count(num_tokens_) << " tokens in " << fixed(seconds_since_start(), 0)
      << " s; model in " << folder_.step_path(recipe_.training.max_steps);
  std::cout << out.str() << std::endl;
}

}  // namespace hecaton::recipes
