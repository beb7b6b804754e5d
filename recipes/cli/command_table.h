// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "recipes/cli/recipe_commands.h"
#include "recipes/cli/tokenize_command.h"
#include "recipes/model/generator.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library spells itself so
class App;
}

namespace hecaton::recipes {

/// Everything that the arguments of all commands fill.
struct Options {
  RecipeArguments recipe;
  TokenizeArguments tokenize;
  bool is_dry_run = false;
  int64_t num_ranks = 1;
  std::string model;
  std::string other_model;
  std::vector<std::string> data;
  std::string prompt;
  SamplingConfig sampling;
  std::string output;
  std::optional<int64_t> max_shard_bytes;
  std::string dtype;
  std::string format = "json";
  std::string folder = "configs";
  std::string bench;
  bool as_json = false;
  int64_t num_rounds = 7;
  std::optional<int64_t> num_threads;
};

/// A command of the program.
struct Command {
  std::string name;
  std::string purpose;  ///< one line
  std::string example;  ///< a command line that works in the root of the project
  std::function<void(CLI::App&, Options&)> add_arguments;
  std::function<void(const Options&)> run;
  /// Set for a command that works on many ranks: takes the place of `run` unless is_dry_run.
  std::function<RunOutcome(const Options&, const std::shared_ptr<parallel::Communicator>&)>
      run_on_world = {};
  /// Whether `a.b.c=value` and `--a.b.c=value` change a recipe.
  bool takes_overrides = false;
};

/// Every command, in the order of --help. The only place where a command is registered.
const std::vector<Command>& commands();

}  // namespace hecaton::recipes
