// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Runs of several ranks that stop and go on.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdlib>
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

namespace fs = std::filesystem;

const std::string kStopAtOnce = "training.max_minutes=1e-9";

std::string ep(int size) {
  return "parallel.ep=" + std::to_string(size);
}

ProgramResult expect_exit(int code, int num_ranks, const std::vector<std::string>& arguments) {
  ProgramResult result = run_program_with_mpi(num_ranks, arguments);
  EXPECT_EQ(result.exit_code, code) << result.errors;
  return result;
}

/// Expects the last checkpoints and the logged numbers of two runs to have the same bits.
void expect_same_run(const std::string& run, const std::string& reference, int num_ranks) {
  const std::string step = "/" + read_bytes(reference + "/latest").substr(0, 12);
  std::vector<std::string> files = {"/model/model.safetensors"};
  for (int rank = 0; rank < num_ranks; ++rank) {
    files.push_back("/rank-0000" + std::to_string(rank) + ".safetensors");
  }
  const std::string saved = run + step;
  const std::string expected = reference + step;
  for (const std::string& file : files) {
    EXPECT_TRUE(read_bytes(saved + file) == read_bytes(expected + file)) << file;
  }
  for (const char* key : {"step", "tokens", "loss", "grad_norm", "lr", "max_vio"}) {
    EXPECT_EQ(read_metric(run + "/metrics/train.jsonl", key),
              read_metric(reference + "/metrics/train.jsonl", key))
        << key;
  }
}

TEST(ResumeMpiTest, AStoppedRunGoesOnWithTheSameBitsOnEveryRankCount) {
  for (const auto& [num_ranks, ep_size] : {std::pair{2, 2}, std::pair{4, 2}}) {
    const TemporaryFolder folder;
    expect_exit(0, num_ranks, tiny_training(folder / "whole", {ep(ep_size)}));
    expect_exit(75, num_ranks, tiny_training(folder / "cut", {ep(ep_size), kStopAtOnce}));
    expect_exit(0, num_ranks, tiny_training(folder / "cut", {ep(ep_size)}));
    expect_same_run(folder / "cut", folder / "whole", num_ranks);
  }
}

TEST(ResumeMpiTest, AnotherLayoutGoesOnWithTheSameLosses) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training(folder / "whole")).exit_code, 0);
  const std::string run = folder / "run";
  expect_exit(75, 2, tiny_training(run, {ep(2), kStopAtOnce}));
  expect_exit(75, 4, tiny_training(run, {ep(4), "parallel.zero=0", kStopAtOnce}));
  expect_exit(75, 2, tiny_training(run, {ep(1), kStopAtOnce}));
  expect_exit(0, 2, tiny_training(run, {ep(2), "parallel.zero=0"}));
  const std::vector<double> losses = read_metric(run + "/metrics/train.jsonl", "loss");
  const std::vector<double> reference = read_metric(folder / "whole/metrics/train.jsonl", "loss");
  ASSERT_EQ(losses.size(), reference.size());
  for (size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], reference[i], 1e-10 * std::abs(reference[i])) << "step " << i + 1;
  }
}

/// A run whose steps do not depend on how many are to come.
std::vector<std::string> endless_training(const std::string& run, int64_t max_steps) {
  return tiny_training(
      run,
      {ep(2), "lr_scheduler.type=constant", "training.max_steps=" + std::to_string(max_steps)});
}

/// Starts the run again and again, each time with a SIGUSR1 to the launcher after a while; returns
/// how many signals led to a stop.
int run_with_signals(const std::string& run, int num_signals, unsigned seed) {
  std::srand(seed);
  int num_stops = 0;
  for (int i = 0; i < num_signals; ++i) {
    RunningProgram program(endless_training(run, /*max_steps=*/1'000'000), mpi_prefix(2));
    // From before the first step to after some hundred.
    std::this_thread::sleep_for(std::chrono::milliseconds(700 + std::rand() % 900));
    program.send(SIGUSR1);
    // mpirun swallows a signal that comes before it has started the ranks.
    for (int again = 0; again < 10 && !program.has_ended_within(std::chrono::seconds(30));
         ++again) {
      program.send(SIGUSR1);
    }
    if (!program.has_ended_within(std::chrono::seconds(0))) {
      program.send(SIGKILL);
    }
    const ProgramResult result = program.wait();
    // 138: before the program listened; nothing was begun then.
    EXPECT_TRUE(result.exit_code == 75 || result.exit_code == 138)
        << result.exit_code << result.errors;
    num_stops += result.exit_code == 75 ? 1 : 0;
  }
  return num_stops;
}

/// Lets the run in folder/cut go on for some steps, and expects what it would be without any stop.
void expect_stops_changed_nothing(const TemporaryFolder& folder) {
  const std::string cut = folder / "cut";
  int64_t last_step = 20;
  if (fs::exists(cut + "/latest")) {
    last_step += std::stoll(read_bytes(cut + "/latest").substr(5));  // step-0000123
  }
  expect_exit(0, 2, endless_training(cut, last_step));
  for (const auto& entry : fs::directory_iterator(cut)) {
    EXPECT_EQ(entry.path().filename().string().find(".tmp"), std::string::npos) << entry.path();
  }
  expect_exit(0, 2, endless_training(folder / "whole", last_step));
  expect_same_run(cut, folder / "whole", 2);
}

TEST(ResumeMpiTest, ASignalAmidStepsChangesNothing) {
  const TemporaryFolder folder;
  const std::string metrics = folder / "cut/metrics/train.jsonl";
  RunningProgram program(endless_training(folder / "cut", /*max_steps=*/1'000'000), mpi_prefix(2));
  while (!(fs::exists(metrics) && fs::file_size(metrics) > 0) &&
         !program.has_ended_within(std::chrono::milliseconds(10))) {
  }
  program.send(SIGUSR1);
  const ProgramResult result = program.wait();
  ASSERT_EQ(result.exit_code, 75) << result.errors;
  expect_stops_changed_nothing(folder);
}

TEST(ResumeMpiSlowTest, FiftySignalsAtAnyMomentChangeNothing) {
  const TemporaryFolder folder;
  EXPECT_GE(run_with_signals(folder / "cut", /*num_signals=*/50, /*seed=*/7), 25);
  expect_stops_changed_nothing(folder);
}

}  // namespace
}  // namespace hecaton::recipes
