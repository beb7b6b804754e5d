// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/command_line.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "core/log.h"
#include "parallel/mpi.h"
#include "parallel/single.h"
#include "recipes/cli/commands.h"
#include "recipes/config/nearest_name.h"

namespace hecaton::recipes {
namespace {

enum ExitCode : int {
  kDone = 0,
  kInternal = 1,
  kConfig = 2,
  kData = 3,
  kCheckpoint = 4,
  kNumeric = 5,
  kComm = 6,
  kIo = 7
};

/// The one table of exception kinds and exit codes.
int exit_code_of(const std::exception& error) {
  const auto is = [&](auto* kind) { return dynamic_cast<decltype(kind)>(&error) != nullptr; };
  if (is(static_cast<const ConfigError*>(nullptr)) || is(static_cast<const ShapeError*>(nullptr))) {
    return kConfig;
  }
  if (is(static_cast<const DataError*>(nullptr))) {
    return kData;
  }
  if (is(static_cast<const CheckpointError*>(nullptr))) {
    return kCheckpoint;
  }
  if (is(static_cast<const NumericError*>(nullptr))) {
    return kNumeric;
  }
  if (is(static_cast<const CommError*>(nullptr))) {
    return kComm;
  }
  return is(static_cast<const IoError*>(nullptr)) ? kIo : kInternal;
}

std::shared_ptr<parallel::Communicator> make_world() {
#ifdef HECATON_WITH_MPI
  if (parallel::is_mpi_launch()) {
    return parallel::make_mpi_world();
  }
#else
  if (parallel::is_mpi_launch()) {
    throw ConfigError("started by an MPI launcher, but this build has no MPI back end");
  }
#endif
  return parallel::make_single();
}

/// Ends a multi-process run: the others may be waiting in a collective, so they are stopped. When
/// ranks fail together rank 0 speaks for all; the others give it time.
[[noreturn]] void abort_world(int code) {
#ifdef HECATON_WITH_MPI
  parallel::abort_mpi(code);
#else
  std::exit(code);
#endif
}

int report(const std::exception& error, int rank, int num_ranks) {
  if (rank > 0) {
    const bool is_told = dynamic_cast<const PeerFailure*>(&error) != nullptr;
    std::this_thread::sleep_for(std::chrono::milliseconds(is_told ? 5000 : 300));
  }
  const std::string place = num_ranks > 1 ? " (rank " + std::to_string(rank) + ")" : "";
  std::cerr << "error" << place << ": " << error.what() << std::endl;
  return exit_code_of(error);
}

/// Runs a command that works on many ranks.
int run_on_world(
    const std::function<void(const std::shared_ptr<parallel::Communicator>&)>& command) {
  int rank = 0;
  int num_ranks = 1;
  try {
    std::shared_ptr<parallel::Communicator> world = make_world();
    parallel::check_launcher(world->size());
    rank = world->rank();
    num_ranks = world->size();
    set_log_rank(rank, num_ranks);
    command(world);
    world->barrier();
    world.reset();
  } catch (const std::exception& error) {
    const int code = report(error, rank, num_ranks);
    if (num_ranks > 1) {
      abort_world(code);
    }
    return code;
  }
#ifdef HECATON_WITH_MPI
  parallel::finalize_mpi();
#endif
  return kDone;
}

int run_alone(const std::function<void()>& command) {
  try {
    command();
    return kDone;
  } catch (const std::exception& error) {
    return report(error, /*rank=*/0, /*num_ranks=*/1);
  }
}

/// Everything that the options of all sub-commands fill.
struct Options {
  RecipeArguments recipe;
  std::string model;
  std::vector<std::string> data;
  std::string prompt;
  SamplingConfig sampling;
  std::string folder = "configs";
  std::string bench;
  bool as_json = false;
  int64_t num_rounds = 7;
  int64_t num_threads = 0;
};

void add_recipe_arguments(CLI::App& command, Options& options) {
  command.add_option("recipe", options.recipe.path, "YAML recipe")->required();
  command.add_option("overrides", options.recipe.overrides, "a.b.c=value, ~a.b, +a.b=value");
  command.allow_extras();  // --a.b.c=value
}

void add_commands(CLI::App& app, Options& options) {
  add_recipe_arguments(*app.add_subcommand("train", "Train a model; under mpirun on many ranks"),
                       options);
  add_recipe_arguments(*app.add_subcommand("validate", "Check a recipe and nothing else"), options);
  add_recipe_arguments(
      *app.add_subcommand("print-config", "Print a recipe with every default and its origin"),
      options);

  CLI::App* eval = app.add_subcommand("eval", "Loss of a model on held-out text");
  eval->add_option("model", options.model, "Run folder, step folder or model folder")->required();
  eval->add_option(
      "--data", options.data, "Files or folders instead of the recipe's validation data");

  CLI::App* generate = app.add_subcommand("generate", "Continue a prompt");
  generate->add_option("model", options.model, "Run folder, step folder or model folder")
      ->required();
  generate->add_option("--prompt", options.prompt, "Text to continue");
  generate->add_option("--max-new-tokens", options.sampling.max_new_tokens, "Default 200");
  generate->add_option("--temperature", options.sampling.temperature, "Default 1; 0 is greedy");
  generate->add_option("--top-k", options.sampling.top_k, "Draw among the K likeliest tokens");
  generate->add_option("--top-p", options.sampling.top_p, "Draw among the likeliest that reach P");
  generate->add_option("--seed", options.sampling.seed, "Of the draws; default 0");

  CLI::App* inspect = app.add_subcommand("inspect", "Names, shapes and sizes of a model");
  inspect->add_option("model", options.model, "Run folder, step folder or model folder")
      ->required();

  CLI::App* recipes = app.add_subcommand("recipes", "List the recipes of a folder");
  recipes->add_option("folder", options.folder, "Default configs");

  CLI::App* bench = app.add_subcommand("bench", "Measure this machine");
  bench->add_option("what", options.bench, "layer")->required();
  bench->add_flag("--json", options.as_json, "One JSON object per case on standard output");
  bench->add_option("--rounds", options.num_rounds, "Timed rounds per case; default 7")
      ->check(CLI::PositiveNumber);
  bench->add_option("--threads", options.num_threads, "Default: every core")
      ->check(CLI::PositiveNumber);
}

/// --a.b=c that CLI11 does not know are overrides; anything else unknown is a fault.
void take_overrides(CLI::App& command, Options& options) {
  for (const std::string& extra : command.remaining()) {
    if (extra.rfind("--", 0) != 0 || extra.find('=') == std::string::npos) {
      throw ConfigError("unknown argument: " + extra);
    }
    options.recipe.overrides.push_back(extra);
  }
}

int dispatch(CLI::App& app, Options& options) {
  CLI::App& command = *app.get_subcommands().front();
  const std::string name = command.get_name();
  if (name == "train") {
    return run_on_world([&](const auto& world) {
      take_overrides(command, options);
      train(options.recipe, world);
    });
  }
  return run_alone([&] {
    if (name == "validate" || name == "print-config") {
      take_overrides(command, options);
      name == "validate" ? validate(options.recipe) : print_config(options.recipe);
    } else if (name == "eval") {
      evaluate(options.model, options.data);
    } else if (name == "generate") {
      generate(options.model, options.prompt, options.sampling);
    } else if (name == "inspect") {
      inspect(options.model);
    } else if (name == "recipes") {
      list_recipes(options.folder);
    } else {
      bench(options.bench, options.as_json, options.num_rounds, options.num_threads);
    }
  });
}

/// Names the nearest command when the first word is none.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') {
    return;
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    names.push_back(command->get_name());
  }
  if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    const std::string nearest = nearest_name(argv[1], names);
    throw ConfigError(
        "unknown command: " + std::string(argv[1]) +
        (nearest.empty() ? "; hecaton --help lists them" : "; did you mean " + nearest + "?"));
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app{"Hecaton: Mixture-of-Experts training on LibTorch", "hecaton"};
  Options options;
  app.set_version_flag("--version", [] { return std::string(); });
  app.require_subcommand(1);
  add_commands(app, options);
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return kDone;
  } catch (const CLI::CallForVersion&) {
    print_version();
    return kDone;
  } catch (const CLI::ParseError& error) {
    std::cerr << "error: " << error.what() << std::endl;
    return kConfig;
  } catch (const ConfigError& error) {
    return report(error, /*rank=*/0, /*num_ranks=*/1);
  }
  return dispatch(app, options);
}

}  // namespace hecaton::recipes
