// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/recipe_commands.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

#include "checkpoint/file_io.h"
#include "core/error.h"
#include "core/log.h"
#include "core/rng.h"
#include "parallel/mesh.h"
#include "recipes/config/json_schema.h"
#include "recipes/config/recipe_reference.h"
#include "recipes/train/agreement.h"
#include "recipes/train/base_model.h"
#include "recipes/train/host.h"
#include "recipes/train/memory_check.h"
#include "recipes/train/model_setup.h"
#include "recipes/train/trainer.h"

namespace hecaton::recipes {

LoadedRecipe load_with_warnings(const RecipeArguments& arguments, bool is_main_rank) {
  LoadedRecipe loaded = load_recipe(arguments.path, arguments.overrides);
  if (is_main_rank) {
    for (const std::string& warning : loaded.warnings) {
      log_warn(warning);
    }
  }
  return loaded;
}

RunOutcome train(const RecipeArguments& arguments,
                 const std::shared_ptr<parallel::Communicator>& world) {
  LoadedRecipe loaded = load_with_warnings(arguments, world->rank() == 0);
  adopt_base_model(loaded);
  const uint64_t recipe_hash = hash_name(print_recipe(loaded, /*with_origins=*/false));
  if (const auto rank = first_rank_that_differs(*world, recipe_hash)) {
    throw ConfigError(arguments.path +
                      ": expected the same recipe on every rank, found another on rank " +
                      std::to_string(*rank) + " than on rank 0");
  }
  check_world(loaded.recipe, world->size());
  Recipe resolved = loaded.recipe;
  resolve_batch(resolved, world->size());
  check_memory(resolved, usable_memory_gib());
  const ThreadChoice threads = choose_threads(*world, loaded.recipe.training.num_threads);
  apply_threads(threads);
  if (threads.num_threads * threads.ranks_on_cores > threads.num_cores && world->rank() == 0) {
    log_warn(std::to_string(threads.ranks_on_cores) + " ranks of " +
             std::to_string(threads.num_threads) + " threads (" + threads.origin + ") share " +
             std::to_string(threads.num_cores) + " cores");
  }
  constexpr double kEndlessS = 1e9;
  parallel::set_wait_timeout(std::chrono::milliseconds(static_cast<int64_t>(
      std::ceil(std::min(loaded.recipe.parallel.timeout_s, kEndlessS) * 1e3))));
  parallel::set_check_collectives(loaded.recipe.parallel.check_collectives);
  parallel::Mesh mesh(world, loaded.recipe.parallel.ep);
  return Trainer(std::move(loaded), mesh).run();
}

void validate(const RecipeArguments& arguments) {
  const LoadedRecipe loaded = load_with_warnings(arguments);
  decoder_config(loaded.recipe).validate();
  std::cout << arguments.path << ": valid" << std::endl;
}

void print_config(const RecipeArguments& arguments) {
  std::cout << print_recipe(load_with_warnings(arguments), /*with_origins=*/true) << std::flush;
}

void print_schema(const std::string& format, const std::string& output) {
  const std::string text = format == "json" ? recipe_json_schema() : recipe_reference();
  if (output.empty()) {
    std::cout << text << std::flush;
  } else {
    checkpoint::write_file(output, text);
  }
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

}  // namespace hecaton::recipes
