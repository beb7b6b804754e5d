// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// scripts/launch: signals that save, and exit codes that mpirun would hide.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::TemporaryFolder;

namespace fs = std::filesystem;

std::vector<std::string> launch_prefix() {
  return {testing::source_dir() + "/scripts/launch",
          "--oversubscribe",
          "--bind-to",
          "none",
          "-np",
          "2"};
}

std::vector<std::string> endless_training(const std::string& run) {
  return tiny_training(run, {"parallel.ep=2", kEndless});
}

TEST(LaunchMpiTest, TerminationSavesAndEndsWith75) {
  const TemporaryFolder folder;
  RunningProgram program(endless_training(folder / "run"), launch_prefix());
  wait_for_steps(folder / "run");
  program.send(SIGTERM);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_code, 75) << result.errors;
  EXPECT_TRUE(fs::exists(folder / "run/latest"));
  EXPECT_TRUE(ranks_of(folder / "run").empty());
}

TEST(LaunchMpiTest, ARequestBeforeTheRanksListenIsNoLostPeer) {
  for (const int signal : {SIGUSR1, SIGTERM}) {
    const TemporaryFolder folder;
    RunningProgram program(tiny_training(folder / "run"), launch_prefix());
    // They load libraries for some tenths of a second then.
    for (int i = 0; i < 6000 && ranks_of(folder / "run").size() < 2; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    program.send(signal);
    const ProgramResult result = program.wait();
    EXPECT_EQ(result.exit_code, 128 + SIGUSR1) << result.errors;
    EXPECT_EQ(result.errors.find("a peer was lost"), std::string::npos) << result.errors;
    EXPECT_FALSE(fs::exists(folder / "run"));
  }
}

TEST(LaunchMpiTest, ASecondTerminationEndsTheRanks) {
  const TemporaryFolder folder;
  RunningProgram program(endless_training(folder / "run"), launch_prefix());
  wait_for_steps(folder / "run");
  const std::vector<pid_t> ranks = ranks_of(folder / "run");
  ASSERT_EQ(ranks.size(), 2U);
  kill(ranks.back(), SIGSTOP);  // so that nothing is saved before the second one
  program.send(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  program.send(SIGTERM);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_code, 128 + SIGTERM) << result.errors;
  EXPECT_TRUE(ranks_of(folder / "run").empty());
}

TEST(LaunchMpiTest, AKilledRankIsALostPeer) {
  const TemporaryFolder folder;
  RunningProgram program(endless_training(folder / "run"), launch_prefix());
  wait_for_steps(folder / "run");
  const std::vector<pid_t> ranks = ranks_of(folder / "run");
  ASSERT_EQ(ranks.size(), 2U);
  kill(ranks.front(), SIGKILL);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_code, 6) << result.errors;
  EXPECT_NE(result.errors.find("launch: a peer was lost: process rank "), std::string::npos)
      << result.errors;
}

TEST(LaunchMpiTest, HandsOnTheCodesOfTheProgram) {
  const ProgramResult result = run_program({"train", "/nowhere.yaml"}, launch_prefix());
  EXPECT_EQ(result.exit_code, 2) << result.errors;
}

}  // namespace
}  // namespace hecaton::recipes
