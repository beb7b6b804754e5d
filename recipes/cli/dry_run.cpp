// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/dry_run.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "models/decoder_plan.h"
#include "optim/schedule.h"
#include "parallel/single.h"
#include "recipes/data/batch_view.h"
#include "recipes/data/recipe_data.h"
#include "recipes/model/model_weights.h"
#include "recipes/train/base_model.h"
#include "recipes/train/host.h"
#include "recipes/train/memory_check.h"
#include "recipes/train/memory_plan.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/number_text.h"
#include "recipes/train/resume.h"
#include "recipes/train/run_folder.h"

namespace hecaton::recipes {
namespace {

/// One line of a table: a name and a value.
void print_row(const std::string& name, const std::string& value) {
  std::printf("  %-28s %s\n", name.c_str(), value.c_str());
}

void print_parameters(const models::DecoderConfig& model) {
  const std::vector<models::PlannedTensor> tensors = models::plan_decoder(model);
  const auto print_counts = [](const std::string& name, auto... values) {
    std::printf("%-20s %9s %18s %18s %12s\n", name.c_str(), values.c_str()...);
  };
  print_counts("parameters",
               std::string("tensors"),
               std::string("in total"),
               std::string("active per token"),
               std::string("size"));
  models::ParameterCount sum;
  int64_t total_bytes = 0;
  for (const models::DecoderPart part : models::decoder_parts()) {
    int64_t num_tensors = 0;
    int64_t num_bytes = 0;
    for (const models::PlannedTensor& tensor : tensors) {
      num_tensors += tensor.part == part ? 1 : 0;
      num_bytes += tensor.part == part ? tensor.num_bytes() : 0;
    }
    const models::ParameterCount count = models::count_part(model, tensors, part);
    sum.total += count.total;
    sum.active += count.active;
    total_bytes += num_bytes;
    if (num_tensors > 0) {
      print_counts("  " + models::part_name(part),
                   with_commas(num_tensors),
                   with_commas(count.total),
                   with_commas(count.active),
                   size_text(num_bytes));
    }
  }
  print_counts("  all",
               with_commas(static_cast<int64_t>(tensors.size())),
               with_commas(sum.total),
               with_commas(sum.active),
               size_text(total_bytes));
}

void print_memory(const models::DecoderConfig& model, const Recipe& recipe, int64_t num_ranks) {
  const MemoryPlan plan = plan_memory(model,
                                      optimizer_config(recipe),
                                      {.dp = num_ranks,
                                       .ep = recipe.parallel.ep,
                                       .zero = recipe.parallel.zero,
                                       .micro_batch_size = *recipe.training.micro_batch_size,
                                       .sequence_length = recipe.dataset.sequence_length});
  std::printf("\nmemory of one rank\n");
  print_row("weights", size_text(plan.weights));
  print_row("float32 masters", size_text(plan.masters));
  print_row("gradient accumulators", size_text(plan.gradients));
  print_row("gradients of dense weights", size_text(plan.dense_gradients));
  print_row("optimizer state", size_text(plan.moments));
  print_row("activations, estimated", size_text(plan.activations));
  print_row("logits and loss, estimated", size_text(plan.loss));
  print_row("all", size_text(plan.total()));
}

/// Forward and backward of the products with weights and of causal attention.
int64_t flop_per_token(const models::DecoderConfig& model, int64_t sequence_length) {
  int64_t active = models::count_parameters(model).active;
  if (!model.tie_word_embeddings) {
    active -= model.vocab_size * model.hidden_size;  // looked up, not multiplied
  }
  const int64_t attention_width = model.num_attention_heads * model.head_dim;
  return 6 * (active + model.num_hidden_layers * attention_width * sequence_length);
}

void print_layout(const models::DecoderConfig& model, const Recipe& recipe, int64_t num_ranks) {
  const TrainingRecipe& training = recipe.training;
  const int64_t Q = recipe.dataset.sequence_length;
  const int64_t ep = recipe.parallel.ep;
  std::printf("\nlayout\n");
  print_row("ranks",
            "dp " + with_commas(num_ranks) + " = ep " + with_commas(ep) + " x edp " +
                with_commas(num_ranks / ep));
  if (!model.moe.layers.empty()) {
    print_row("experts per rank and layer", with_commas(model.moe.router.num_experts / ep));
  }
  print_row("sequences per rank and pass", with_commas(*training.micro_batch_size));
  print_row("passes per step", with_commas(*training.gradient_accumulation_steps));
  print_row("tokens per rank and step", with_commas(*training.global_batch_size / num_ranks * Q));
  print_row("tokens per step", with_commas(*training.global_batch_size * Q));
  print_row("flop per token", with_commas(flop_per_token(model, Q)));
}

void print_data(const RecipeData& data, const Recipe& recipe) {
  std::printf("\ndata\n%s", describe_sources(*data.train, recipe.training).c_str());
  if (data.validation != nullptr) {
    print_row("validation",
              "tokens " + with_commas(data.validation->num_tokens()) + ", documents " +
                  with_commas(data.validation->num_documents()) + ", sequences " +
                  with_commas(data.validation->num_windows()));
  }
}

void print_schedule(const Recipe& recipe) {
  const optim::ScheduleConfig schedule = schedule_config(recipe);
  const int64_t last = schedule.max_steps;
  std::printf("\nlearning rate\n");
  for (const int64_t step : std::set<int64_t>{
           1, std::clamp<int64_t>(schedule.warmup_steps, 1, last), (last + 1) / 2, last}) {
    char lr[32];
    std::snprintf(lr, sizeof(lr), "%.3g", optim::learning_rate(schedule, step - 1));
    print_row("step " + with_commas(step), lr);
  }
}

void print_first_batch(const RecipeData& data, const Recipe& recipe) {
  const bool uses_terminal = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  const Batch batch =
      data.train->train_batch(/*first_sample=*/0, *recipe.training.micro_batch_size);
  std::printf("\nfirst batch of rank 0\n%s\n",
              decoded_batch(batch, {.uses_terminal = uses_terminal}).c_str());
}

/// Opens the files of the model to start from and checks all but the values.
void check_base_weights(const Recipe& recipe, const models::DecoderConfig& model) {
  if (!recipe.model.base_model) {
    return;
  }
  check_weights(ModelWeights(find_model(*recipe.model.base_model).model_folder),
                model,
                /*converts_dtype=*/true);
}

}  // namespace

void dry_run(const RecipeArguments& arguments, int64_t num_ranks) {
  LoadedRecipe loaded = load_with_warnings(arguments);
  adopt_base_model(loaded);
  Recipe recipe = std::move(loaded.recipe);
  check_world(recipe, num_ranks);
  const models::DecoderConfig model = decoder_config(recipe);
  model.validate();
  resolve_batch(recipe, num_ranks);
  check_memory(recipe, usable_memory_gib());
  const std::shared_ptr<parallel::Communicator> alone = parallel::make_single();
  choose_threads(*alone, recipe.training.num_threads);
  const RecipeData data = load_data(recipe);
  const RunFolder folder(recipe.output_dir);
  folder.check(/*may_exist=*/recipe.checkpoint.resume.has_value());
  const std::optional<ResumePoint> point =
      find_resume_point(recipe, data.train->fingerprint(), alone);
  if (!point) {
    check_base_weights(recipe, model);
  }
  print_parameters(model);
  print_memory(model, recipe, num_ranks);
  print_layout(model, recipe, num_ranks);
  print_data(data, recipe);
  print_schedule(recipe);
  std::printf("\nrun folder %s\n", folder.path().c_str());
  if (point) {
    std::printf("going on from %s\n", point->checkpoint.folder().c_str());
  }
  print_first_batch(data, recipe);
  static_cast<void>(std::fflush(stdout));  // tested once, at the end of the program
}

}  // namespace hecaton::recipes
