// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/commands.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>

#include "core/error.h"
#include "core/log.h"
#include "parallel/mesh.h"
#include "parallel/single.h"
#include "recipes/cli/layer_bench.h"
#include "recipes/config/recipe_io.h"
#include "recipes/data/text_files.h"
#include "recipes/data/tokenizer.h"
#include "recipes/model/model_files.h"
#include "recipes/train/host.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/run_folder.h"
#include "recipes/train/run_record.h"
#include "recipes/train/trainer.h"

namespace hecaton::recipes {
namespace {

LoadedRecipe load(const RecipeArguments& arguments, bool is_main_rank = true) {
  LoadedRecipe loaded = load_recipe(arguments.path, arguments.overrides);
  if (is_main_rank) {
    for (const std::string& warning : loaded.warnings) {
      log_warn(warning);
    }
  }
  return loaded;
}

models::Decoder load_decoder(const ModelLocation& location) {
  models::Decoder decoder(load_model_config(location.model_folder));
  load_model(*decoder, location.model_folder);
  return decoder;
}

/// The recipe that a model is evaluated with: its own, on the data asked for.
Recipe evaluation_recipe(const ModelLocation& location, const std::vector<std::string>& data) {
  Recipe recipe;
  if (!location.recipe_path.empty()) {
    recipe = load_recipe(location.recipe_path).recipe;
  }
  if (!data.empty()) {
    recipe.dataset.validation.clear();
    for (const std::string& path : data) {
      recipe.dataset.validation.push_back({.path = path});
    }
    recipe.dataset.train = recipe.dataset.validation;
    recipe.dataset.validation_fraction = 0.0;
  }
  if (recipe.dataset.validation.empty() && recipe.dataset.validation_fraction == 0.0) {
    throw ConfigError("no data to evaluate on: the model's recipe names none; give --data PATH");
  }
  return recipe;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) {
    text += (text.empty() ? "" : " x ") + std::to_string(size);
  }
  return text;
}

}  // namespace

void train(const RecipeArguments& arguments, const std::shared_ptr<parallel::Communicator>& world) {
  LoadedRecipe loaded = load(arguments, world->rank() == 0);
  check_world(loaded.recipe, world->size());
  const ThreadChoice threads = choose_threads(*world, loaded.recipe.training.num_threads);
  apply_threads(threads);
  if (threads.num_threads * threads.ranks_on_cores > threads.num_cores && world->rank() == 0) {
    log_warn(std::to_string(threads.ranks_on_cores) + " ranks of " +
             std::to_string(threads.num_threads) + " threads (" + threads.origin + ") share " +
             std::to_string(threads.num_cores) + " cores");
  }
  parallel::Mesh mesh(world, loaded.recipe.parallel.ep);
  Trainer(std::move(loaded), mesh).run();
}

void validate(const RecipeArguments& arguments) {
  const LoadedRecipe loaded = load(arguments);
  decoder_config(loaded.recipe).validate();
  std::cout << arguments.path << ": valid" << std::endl;
}

void print_config(const RecipeArguments& arguments) {
  std::cout << print_recipe(load(arguments), /*with_origins=*/true) << std::flush;
}

void evaluate(const std::string& model, const std::vector<std::string>& data) {
  const ModelLocation location = find_model(model);
  Recipe recipe = evaluation_recipe(location, data);
  resolve_batch(recipe, /*dp=*/1);
  const RecipeData loaded = load_data(recipe);
  if (loaded.validation == nullptr) {
    throw DataError("the held-out share of " + location.recipe_path + " holds no document");
  }
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  apply_threads(choose_threads(mesh.world(), std::nullopt));
  TrainingEngine engine(load_model_config(location.model_folder), {}, /*seed=*/0, mesh);
  load_model(*engine.decoder(), location.model_folder);
  const EvalResult result = engine.evaluate(evaluation_batches(*loaded.validation,
                                                               *recipe.training.micro_batch_size,
                                                               recipe.evaluation.eval_batches,
                                                               mesh.dp()));
  std::printf("loss %.6f nats per byte | perplexity %.4f | %lld bytes\n",
              result.loss,
              std::exp(result.loss),
              static_cast<long long>(result.num_target_tokens));
}

void generate(const std::string& model, const std::string& prompt, const SamplingConfig& sampling) {
  sampling.validate();
  models::Decoder decoder = load_decoder(find_model(model));
  const ByteTokenizer tokenizer;
  std::vector<int64_t> prompt_ids = tokenizer.encode(prompt);
  // A document starts after the end of the one before it.
  prompt_ids.insert(prompt_ids.begin(), ByteTokenizer::kDocumentEndId);
  std::cout << prompt << std::flush;
  generate(*decoder, prompt_ids, ByteTokenizer::kDocumentEndId, sampling, [&](int64_t token) {
    std::cout << tokenizer.decode({token}) << std::flush;
  });
  std::cout << std::endl;
}

void inspect(const std::string& model) {
  const ModelLocation location = find_model(model);
  models::Decoder decoder = load_decoder(location);
  const models::ParameterCount count = decoder->parameter_count();
  std::cout << "model       " << location.model_folder << "\n"
            << "recipe      " << (location.recipe_path.empty() ? "none" : location.recipe_path)
            << "\n"
            << "parameters  " << count.total << " in total, " << count.active
            << " active per token\n";
  for (const Parameter& parameter : decoder->describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      std::cout << "  " << slice.name << "  " << c10::toString(parameter.tensor.scalar_type())
                << "  " << shape_text(slice.shape) << "\n";
    }
  }
  std::cout << std::flush;
}

void list_recipes(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".yaml") {
      paths.push_back(entry.path());
    }
  }
  if (error) {
    throw ConfigError("no folder of recipes: " + folder + ": " + error.message());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path);
    std::string comment;
    for (std::string line; comment.empty() && std::getline(file, line);) {
      // The licence lines come first; the recipe's own description is the first comment after them.
      if (line.rfind("# ", 0) == 0 && line.find("SPDX") == std::string::npos &&
          line.find("Copyright") == std::string::npos) {
        comment = line.substr(2);
      }
    }
    std::cout << path.string() << "  " << comment << "\n";
  }
  std::cout << std::flush;
}

void bench(const std::string& what, bool as_json, int64_t num_rounds, int64_t num_threads) {
  if (what != "layer") {
    throw ConfigError("unknown benchmark: expected layer, found " + what);
  }
  const auto world = parallel::make_single();
  apply_threads(
      choose_threads(*world, num_threads > 0 ? std::optional<int64_t>(num_threads) : std::nullopt));
  std::fprintf(stderr,
               "%-34s %10s %12s %12s %8s\n",
               "T, H, I, E, K, dtype",
               "ms",
               "GFLOP/s",
               "dense",
               "ratio");
  for (const LayerBenchCase& shape : default_layer_cases()) {
    const LayerBenchResult result = run_layer_bench(shape, num_rounds);
    std::fprintf(stderr,
                 "%5lld, %4lld, %4lld, %3lld, %2lld, %-8s %10.1f %12.1f %12.1f %8.2f\n",
                 static_cast<long long>(shape.T),
                 static_cast<long long>(shape.D),
                 static_cast<long long>(shape.F),
                 static_cast<long long>(shape.E),
                 static_cast<long long>(shape.K),
                 shape.dtype == at::kBFloat16 ? "bfloat16" : "float32",
                 result.layer.median_ms,
                 result.layer_gflops,
                 result.dense_gflops,
                 result.layer_gflops / result.dense_gflops);
    if (as_json) {
      std::cout << to_json_line(result) << std::endl;
    }
  }
}

void print_version() {
  for (const auto& [name, version] : build_versions()) {
    std::cout << name << " " << version << "\n";
  }
  std::cout << std::flush;
}

}  // namespace hecaton::recipes
