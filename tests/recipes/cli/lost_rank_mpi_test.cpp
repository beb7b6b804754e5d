// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Runs of which one rank comes to an end, or to a halt.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::read_bytes;
using testing::TemporaryFolder;
using Clock = std::chrono::steady_clock;

namespace fs = std::filesystem;

/// Whether no rank of the run is left by then; mpirun may end just before the last of them does.
bool are_gone(const std::string& run, Clock::time_point deadline) {
  while (!ranks_of(run).empty()) {
    if (Clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

TEST(LostRankMpiTest, AStoppedRankIsNamedAndTheRunEndsWithSixInTime) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  RunningProgram program(tiny_training(run, {"parallel.ep=2", "parallel.timeout_s=2", kEndless}),
                         mpi_prefix(4));
  wait_for_steps(run);
  const std::vector<pid_t> ranks = ranks_of(run);
  ASSERT_EQ(ranks.size(), 4U);
  kill(ranks[2], SIGSTOP);
  const Clock::time_point start = Clock::now();
  EXPECT_TRUE(program.has_ended_within(std::chrono::seconds(60)));
  EXPECT_LE(Clock::now() - start, std::chrono::seconds(2 + 5));
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_code, 6) << result.errors;
  const std::vector<std::string> errors = lines_of(result, "error");
  ASSERT_GE(errors.size(), 1U) << result.errors;
  // Axis, operation, place, step and who it was.
  for (const char* part :
       {"_rank ",
        " of ",
        ": ",
        " at ",
        ".cpp:",
        " in step ",
        "no answer within 2 s from world_rank 2, which does not answer: stopped"}) {
    EXPECT_NE(errors.front().find(part), std::string::npos) << part << ": " << errors.front();
  }
  EXPECT_TRUE(are_gone(run, start + std::chrono::seconds(2 + 5)));
  for (const char* rank : {"0", "1", "3"}) {  // those that still move
    const std::string text = read_bytes(run + "/logs/collectives-rank-0000" + rank + ".txt");
    EXPECT_NE(text.find("under way"), std::string::npos) << text;
  }
}

TEST(LostRankMpiTest, AKilledRankLeavesNoProcessAndTheLastCheckpoint) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  RunningProgram program(tiny_training(run, {"parallel.ep=2", "checkpoint.save_steps=1", kEndless}),
                         mpi_prefix(4));
  std::error_code error;
  for (int i = 0; i < 600 && !fs::exists(run + "/latest", error); ++i) {
    program.has_ended_within(std::chrono::milliseconds(50));
  }
  const std::vector<pid_t> ranks = ranks_of(run);
  ASSERT_EQ(ranks.size(), 4U);
  kill(ranks[1], SIGKILL);
  const Clock::time_point start = Clock::now();
  EXPECT_TRUE(program.has_ended_within(std::chrono::seconds(10)));
  EXPECT_TRUE(are_gone(run, start + std::chrono::seconds(10)));
  program.wait();
  // Goes on from the last checkpoint, on other ranks.
  const int64_t step = std::stoll(read_bytes(run + "/latest").substr(5));  // step-0000012
  const ProgramResult resumed = run_program_with_mpi(
      2, tiny_training(run, {"training.max_steps=" + std::to_string(step + 2)}));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_NE(resumed.errors.find("going on from"), std::string::npos) << resumed.errors;
}

}  // namespace
}  // namespace hecaton::recipes
