// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The program under mpirun: the same losses on every layout, and failures that end every rank.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "recipes/train/console.h"
#include "tests/recipes/cli/program.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::TemporaryFolder;

double largest_relative_error(const std::vector<double>& values,
                              const std::vector<double>& reference) {
  EXPECT_EQ(values.size(), reference.size());
  double largest = 0.0;
  for (size_t i = 0; i < std::min(values.size(), reference.size()); ++i) {
    largest = std::max(largest, std::abs(values[i] - reference[i]) / std::abs(reference[i]));
  }
  return largest;
}

TEST(CommandLineMpiTest, EveryLayoutHasTheLossesOfOneProcess) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training(folder / "alone", {"training.max_steps=12"})).exit_code, 0);
  const std::string metrics = "/metrics/train.jsonl";
  const std::vector<double> losses = read_metric(folder / ("alone" + metrics), "loss");
  const std::vector<double> norms = read_metric(folder / ("alone" + metrics), "grad_norm");
  ASSERT_EQ(losses.size(), 12U);
  for (const auto& [num_ranks, ep] : {std::pair{2, 1}, std::pair{2, 2}, std::pair{4, 2}}) {
    const std::string run = folder / ("np" + std::to_string(num_ranks) + "ep" + std::to_string(ep));
    const ProgramResult result = run_program_with_mpi(
        num_ranks,
        tiny_training(run, {"training.max_steps=12", "parallel.ep=" + std::to_string(ep)}));
    ASSERT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_LE(largest_relative_error(read_metric(run + metrics, "loss"), losses), 1e-10) << run;
    EXPECT_LE(largest_relative_error(read_metric(run + metrics, "grad_norm"), norms), 1e-10) << run;
  }
}

TEST(CommandLineMpiTest, ModelSavedByManyRanksIsReadByOne) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  ASSERT_EQ(run_program_with_mpi(2, tiny_training(run, {"parallel.ep=2"})).exit_code, 0);
  const ProgramResult eval = run_program({"eval", run});
  EXPECT_EQ(eval.exit_code, 0) << eval.errors;
  char expected[32];
  std::snprintf(expected,
                sizeof(expected),
                "loss %.6f",
                read_metric(run + "/metrics/eval.jsonl", "loss").back());
  EXPECT_EQ(eval.output.rfind(expected, 0), 0U) << eval.output << expected;
}

/// `text` in the only line that reports an error.
void expect_failure(const ProgramResult& result, int exit_code, const std::string& text) {
  EXPECT_EQ(result.exit_code, exit_code) << result.errors;
  EXPECT_EQ(lines_of(result, "error"), std::vector<std::string>{text}) << result.errors;
}

TEST(CommandLineMpiTest, ConsoleLinesMatchTheirPattern) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program_with_mpi(2, tiny_training(folder / "run", {"training.max_steps=3"}));
  const std::vector<std::string> lines = lines_of(result, "step ");
  EXPECT_EQ(lines.size(), 3U) << result.errors;
  for (const std::string& line : lines) {
    EXPECT_TRUE(std::regex_match(line, std::regex(kConsoleLinePattern))) << line;
  }
}

TEST(CommandLineMpiTest, MetricsTellWhatEachAxisCarried) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  const ProgramResult result = run_program_with_mpi(
      4, tiny_training(run, {"parallel.ep=2", "training.max_steps=3", "logging.logging_steps=1"}));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const std::string metrics = run + "/metrics/train.jsonl";
  const std::vector<double> step_s = read_metric(metrics, "step_s");
  for (const std::string axis : {"dp", "ep", "edp"}) {
    for (const char* kind : {"_bytes", "_messages", "_flight_s", "_exposed_s"}) {
      const std::vector<double> values = read_metric(metrics, "comm_" + axis + kind);
      ASSERT_EQ(values.size(), 3U) << axis << kind;
      EXPECT_GT(values[1], 0.0) << axis << kind;
    }
    EXPECT_LE(read_metric(metrics, "comm_" + axis + "_exposed_s")[1], step_s[1]);
  }
}

TEST(CommandLineMpiTest, CommandsOfOneProcessRefuseALauncher) {
  expect_failure(run_program_with_mpi(2, {"eval", "/nowhere"}),
                 2,
                 "error: eval runs in one process, found a launcher that started 2");
}

TEST(CommandLineMpiTest, ArgumentsThatCannotBeParsedAreReportedOnce) {
  expect_failure(
      run_program_with_mpi(2, {"trian"}), 2, "error: unknown command: trian; did you mean train?");
  expect_failure(run_program_with_mpi(2, {"train"}), 2, "error: recipe is required");
}

TEST(CommandLineMpiTest, HelpIsPrintedOnce) {
  const ProgramResult help = run_program_with_mpi(2, {"--help"});
  EXPECT_EQ(help.exit_code, 0) << help.errors;
  EXPECT_EQ(help.output, run_program({"--help"}).output);
}

TEST(CommandLineMpiTest, RanksThatDoNotFitAreTwoOnEveryRank) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program_with_mpi(2, tiny_training(folder / "run", {"parallel.ep=4"}));
  expect_failure(result, 2, "error (rank 0): parallel.ep = 4: must divide the number of ranks 2");
}

TEST(CommandLineMpiTest, FolderThatCannotBeWrittenIsSevenOnEveryRank) {
  const TemporaryFolder folder;
  testing::write_bytes(folder / "file", "");
  expect_failure(run_program_with_mpi(2, tiny_training(folder / "file/run")),
                 7,
                 "error (rank 0): cannot create folder " + (folder / "file/run") + ": " +
                     (folder / "file") + " is no folder");
}

/// Two ranks that share the experts save once, and the disk of rank 0 is full at call `call` of it.
ProgramResult save_on_full_disk(const std::string& run, int call) {
  const std::vector<std::string> training =
      tiny_training(run, {"parallel.ep=2", "training.max_steps=1", "lr_scheduler.warmup_steps=1"});
  std::vector<std::string> prefix = mpi_prefix(1);
  prefix.insert(prefix.end(),
                {"env",
                 "LD_PRELOAD=" + testing::disk_faults_path(),
                 "HECATON_DISK_FAULT_FOLDER=" + run + "/step-0000001",
                 "HECATON_DISK_FAULT_CALL=" + std::to_string(call),
                 "HECATON_DISK_FAULT=ENOSPC"});
  std::vector<std::string> arguments = training;
  arguments.insert(arguments.end(), {":", "-np", "1", testing::program_path()});
  arguments.insert(arguments.end(), training.begin(), training.end());
  return run_program(arguments, prefix);
}

/// Expects one error, of rank 0, with path and cause, and nothing left of the save. Returns it.
std::string expect_failed_save(const ProgramResult& result, const std::string& run) {
  EXPECT_EQ(result.exit_code, 7) << result.errors;
  const std::vector<std::string> errors = lines_of(result, "error");
  EXPECT_EQ(errors.size(), 1U) << result.errors;
  std::string error = errors.empty() ? "" : errors.front();
  EXPECT_EQ(error.rfind("error (rank 0): cannot ", 0), 0U) << error;
  EXPECT_NE(error.find(" " + run + "/step-0000001."), std::string::npos) << error;
  EXPECT_NE(error.find(": No space left on device"), std::string::npos) << error;
  for (const auto& entry : std::filesystem::directory_iterator(run)) {
    EXPECT_NE(entry.path().filename().string().rfind("step-", 0), 0U) << entry.path();
  }
  return error;
}

TEST(CommandLineMpiTest, ADiskThatFillsUpDuringASaveIsSevenWithItsCause) {
  // In a file of rank 0 alone, and in the model, of which the other rank sends its part.
  for (const int call : {58, 75}) {
    const TemporaryFolder folder;
    expect_failed_save(save_on_full_disk(folder / "run", call), folder / "run");
  }
}

TEST(CommandLineMpiSlowTest, ADiskThatFillsUpAnywhereInASaveIsSevenWithItsCause) {
  std::set<std::string> found;
  // The close of a file that was only read may fail without harm, calls behind the last one do not
  // happen: several saves in a row that succeed are the end.
  int num_harmless = 0;
  for (int call = 1; num_harmless < 5 && !HasFailure(); ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    const TemporaryFolder folder;
    const ProgramResult result = save_on_full_disk(folder / "run", call);
    if (result.exit_code == 0) {
      EXPECT_TRUE(std::filesystem::exists(folder / "run/step-0000001/manifest.json"));
      ++num_harmless;
      continue;
    }
    num_harmless = 0;
    const std::string error = expect_failed_save(result, folder / "run");
    for (const char* name : {"/rank-00000.safetensors",
                             "/config.yaml",
                             "/trainer_state.json",
                             "/model/model.safetensors",
                             "/model/config.json",
                             "/manifest.json"}) {
      if (error.find(name) != std::string::npos) {
        found.insert(name);
      }
    }
  }
  EXPECT_EQ(found.size(), 6U);
}

TEST(CommandLineMpiTest, RanksWithDifferentRecipesAreTwo) {
  const TemporaryFolder folder;
  std::vector<std::string> arguments = tiny_training(folder / "run");
  const std::vector<std::string> others = tiny_training(folder / "run", {"moe.num_experts=8"});
  arguments.insert(arguments.end(), {":", "-np", "1", testing::program_path()});
  arguments.insert(arguments.end(), others.begin(), others.end());
  expect_failure(run_program_with_mpi(1, arguments),
                 2,
                 "error (rank 0): " + testing::source_dir() +
                     "/tests/data/tiny.yaml: expected the same recipe on every rank, found another "
                     "on rank 1 than on rank 0");
}

TEST(CommandLineMpiTest, MissingDataIsThreeOnEveryRank) {
  const TemporaryFolder folder;
  expect_failure(
      run_program_with_mpi(2, tiny_training(folder / "run", {"dataset.train.0.path=/nowhere"})),
      3,
      "error (rank 0): data not found: /nowhere");
}

}  // namespace
}  // namespace hecaton::recipes
