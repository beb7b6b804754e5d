// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/command_line.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "core/log.h"
#include "parallel/mpi.h"
#include "parallel/single.h"
#include "recipes/cli/command_table.h"
#include "recipes/cli/error_report.h"
#include "recipes/config/fault_list.h"
#include "recipes/config/nearest_name.h"
#include "recipes/train/run_record.h"

namespace hecaton::recipes {
namespace {

/// How long the other ranks leave it to rank 0 to report what befell them all.
constexpr int kHeadStartMs = 300;

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
  parallel::abort_mpi(code, /*writes_collectives=*/code == kComm);
#else
  std::exit(code);
#endif
}

void wait_for_rank_zero(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

int report(const std::exception& error, int rank, int num_ranks) {
  if (rank > 0) {
    const bool is_told = dynamic_cast<const PeerFailure*>(&error) != nullptr;
    wait_for_rank_zero(is_told ? 5000 : kHeadStartMs);
  }
  const std::string place = num_ranks > 1 ? " (rank " + std::to_string(rank) + ")" : "";
  std::cerr << "error" << place << ": " << error_text(error) << std::endl;
  return exit_code_of(error);
}

/// Reports what every process of a job meets alike before it begins, from one of them. The others
/// give it time: a launcher ends a job with the first process that fails.
int report_once(const std::exception& error) {
  if (parallel::launcher_rank() == 0) {
    return report(error, /*rank=*/0, /*num_ranks=*/1);
  }
  wait_for_rank_zero(kHeadStartMs);
  return exit_code_of(error);
}

/// Runs a command that works on many ranks.
int run_on_world(
    const std::function<ExitCode(const std::shared_ptr<parallel::Communicator>&)>& command) {
  int rank = 0;
  int num_ranks = 1;
  ExitCode code = kDone;
  try {
    std::shared_ptr<parallel::Communicator> world = make_world();
    parallel::check_launcher(world->size());
    rank = world->rank();
    num_ranks = world->size();
    set_log_rank(rank, num_ranks);
    code = command(world);
    world->barrier();
    world.reset();
  } catch (const std::exception& error) {
    const int failure = report(error, rank, num_ranks);
    if (num_ranks > 1) {
      abort_world(failure);
    }
    return failure;
  }
#ifdef HECATON_WITH_MPI
  parallel::finalize_mpi();
#endif
  return code;
}

/// Runs a command that works in one process.
int run_alone(const std::string& name, const std::function<void()>& command) {
  try {
    const int64_t num_processes = parallel::launcher_world_size().value_or(1);
    if (num_processes > 1) {
      throw ConfigError(name + " runs in one process, found a launcher that started " +
                        std::to_string(num_processes));
    }
    command();
    return kDone;
  } catch (const std::exception& error) {
    return report_once(error);
  }
}

/// The long names of a command's options, with their dashes.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

/// What CLI11 does not know, in its order: overrides, or an argument that there is not.
void take_rest(const CLI::App& app, const Command& command, Options& options) {
  for (const std::string& argument : app.remaining()) {
    const bool has_dashes = argument.rfind("--", 0) == 0;
    const bool has_value = argument.find('=') != std::string::npos;
    const bool is_override = argument[0] != '-' || (has_dashes && has_value);
    if (command.takes_overrides && is_override) {
      options.recipe.overrides.push_back(argument);
      continue;
    }
    const std::string nearest =
        has_dashes ? nearest_name(argument.substr(0, argument.find('=')), option_names(app)) : "";
    throw ConfigError("unknown argument: " + one_line(argument) +
                      (nearest.empty() ? "; hecaton " + command.name + " --help lists them"
                                       : "; did you mean " + nearest + "?"));
  }
}

int dispatch(const CLI::App& app, const Command& command, Options& options) {
  if (command.run_on_world && !options.is_dry_run) {
    return run_on_world([&](const auto& world) {
      take_rest(app, command, options);
      return command.run_on_world(options, world) == RunOutcome::kStopped ? kStopped : kDone;
    });
  }
  return run_alone(command.name + (options.is_dry_run ? " --dry-run" : ""), [&] {
    take_rest(app, command, options);
    command.run(options);
  });
}

void print_version() {
  for (const auto& [name, version] : build_versions()) {
    std::cout << name << " " << version << "\n";
  }
}

/// Names the nearest command when the first word is none.
void check_command(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') {
    return;
  }
  std::vector<std::string> names;
  names.reserve(commands().size());
  for (const Command& command : commands()) {
    names.push_back(command.name);
  }
  if (std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    const std::string nearest = nearest_name(argv[1], names);
    throw ConfigError(
        "unknown command: " + one_line(argv[1]) +
        (nearest.empty() ? "; hecaton --help lists them" : "; did you mean " + nearest + "?"));
  }
}

void add_commands(CLI::App& app, Options& options) {
  for (const Command& command : commands()) {
    CLI::App* added = app.add_subcommand(command.name, command.purpose);
    command.add_arguments(*added, options);
    const std::string overrides =
        "Overrides, any number of them, after the recipe; of two for one key the last wins:\n"
        "  a.b.c=value, --a.b.c=value, +a.b=value, ~a.b\n";
    added->footer((command.takes_overrides ? overrides : "") + "Example:\n  " + command.example);
    // CLI11 would keep overrides with dashes apart, so that the order would be lost, and it knows
    // no nearest name.
    added->allow_extras();
  }
}

/// Errors: IoError unless standard output took everything.
void flush_output() {
  errno = 0;
  std::cout.flush();
  const bool is_flushed = std::fflush(stdout) == 0;
  if (!is_flushed || std::ferror(stdout) != 0 || !std::cout) {
    // The cause is forgotten if it was an earlier flush that failed.
    const std::string cause = errno == 0 ? "" : ": " + std::generic_category().message(errno);
    throw IoError("cannot write standard output" + cause);
  }
}

/// What --help and --version print, from one process of a job.
void print_once(const std::function<void()>& print) {
  if (parallel::launcher_rank() == 0) {
    print();
  }
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{"Hecaton: Mixture-of-Experts training on LibTorch", "hecaton"};
  Options options;
  app.set_version_flag("--version", [] { return std::string(); });
  app.require_subcommand(1);
  add_commands(app, options);
  try {
    check_command(argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print_once([&] { std::cout << app.help(); });
    return kDone;
  } catch (const CLI::CallForVersion&) {
    print_once(print_version);
    return kDone;
  } catch (const CLI::ParseError& error) {
    return report_once(ConfigError(error.what()));
  } catch (const ConfigError& error) {
    return report_once(error);
  }
  const CLI::App& chosen = *app.get_subcommands().front();
  const auto command =
      std::find_if(commands().begin(), commands().end(), [&](const Command& candidate) {
        return candidate.name == chosen.get_name();
      });
  return dispatch(chosen, *command, options);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  const int code = parse_and_run(argc, argv);
  if (code != kDone) {
    return code;
  }
  try {
    flush_output();
    return kDone;
  } catch (const IoError& error) {
    return report(error, /*rank=*/0, /*num_ranks=*/1);
  }
}

}  // namespace hecaton::recipes
