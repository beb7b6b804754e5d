// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The program under mpirun: the same losses on every layout, and failures that end every rank.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
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

TEST(CommandLineMpiTest, RanksThatDoNotFitAreTwoOnEveryRank) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program_with_mpi(2, tiny_training(folder / "run", {"parallel.ep=4"}));
  EXPECT_EQ(result.exit_code, 2) << result.errors;
  EXPECT_NE(result.errors.find("parallel.ep = 4: must divide the number of ranks 2"),
            std::string::npos)
      << result.errors;
}

TEST(CommandLineMpiTest, FolderThatCannotBeWrittenIsSevenOnEveryRank) {
  const TemporaryFolder folder;
  testing::write_bytes(folder / "file", "");
  const ProgramResult result = run_program_with_mpi(2, tiny_training(folder / "file/run"));
  EXPECT_EQ(result.exit_code, 7) << result.errors;
  EXPECT_NE(result.errors.find("cannot create folder"), std::string::npos) << result.errors;
}

TEST(CommandLineMpiTest, MissingDataIsThreeOnEveryRank) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program_with_mpi(2, tiny_training(folder / "run", {"dataset.train.0.path=/nowhere"}));
  EXPECT_EQ(result.exit_code, 3) << result.errors;
}

}  // namespace
}  // namespace hecaton::recipes
