// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Runs that stop and go on, as a user sees them.

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::read_bytes;
using testing::TemporaryFolder;

namespace fs = std::filesystem;

ProgramResult expect_exit(int code, const std::vector<std::string>& arguments) {
  ProgramResult result = run_program(arguments);
  EXPECT_EQ(result.exit_code, code) << result.errors;
  return result;
}

/// Names of the step folders of a run, ascending.
std::vector<std::string> steps_of(const std::string& run) {
  std::vector<std::string> steps;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.path().filename().string().rfind("step-", 0) == 0) {
      steps.push_back(entry.path().filename().string());
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

/// Stops at the first step boundary.
const std::string kStopAtOnce = "training.max_minutes=1e-9";

TEST(ResumeProgramTest, AStoppedRunGoesOnWithTheSameBits) {
  const TemporaryFolder folder;
  expect_exit(0, tiny_training(folder / "whole"));
  const std::string run = folder / "cut";
  for (int i = 0; i < 3; ++i) {
    expect_exit(75, tiny_training(run, {kStopAtOnce}));
  }
  EXPECT_EQ(read_bytes(run + "/latest"), "step-0000003\n");
  const ProgramResult last = expect_exit(0, tiny_training(run));
  EXPECT_NE(last.errors.find("going on from " + run + "/step-0000003"), std::string::npos)
      << last.errors;
  const std::string step = "/step-0000010";
  for (const char* file : {"/model/model.safetensors", "/rank-00000.safetensors"}) {
    EXPECT_EQ(read_bytes(run + step + file), read_bytes(folder / "whole" + step + file)) << file;
  }
  for (const char* key : {"step", "tokens", "loss", "grad_norm", "lr"}) {
    EXPECT_EQ(read_metric(run + "/metrics/train.jsonl", key),
              read_metric(folder / "whole/metrics/train.jsonl", key))
        << key;
  }
  EXPECT_EQ(read_metric(run + "/metrics/eval.jsonl", "loss"),
            read_metric(folder / "whole/metrics/eval.jsonl", "loss"));
}

TEST(ResumeProgramTest, AFinishedRunSaysSo) {
  const TemporaryFolder folder;
  expect_exit(0, tiny_training(folder / "run", {"training.max_steps=2"}));
  const std::string before = read_bytes(folder / "run/metrics/train.jsonl");
  const ProgramResult again =
      expect_exit(0, tiny_training(folder / "run", {"training.max_steps=2"}));
  EXPECT_NE(again.errors.find("is at step 2 of 2: nothing is left to do"), std::string::npos)
      << again.errors;
  EXPECT_EQ(read_bytes(folder / "run/metrics/train.jsonl"), before);
}

TEST(ResumeProgramTest, RowsAfterTheCheckpointAreCut) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  expect_exit(0, tiny_training(run, {"training.max_steps=4", "checkpoint.save_steps=2"}));
  fs::remove_all(run + "/step-0000004");
  expect_exit(0, tiny_training(run, {"training.max_steps=3"}));
  EXPECT_EQ(read_metric(run + "/metrics/train.jsonl", "step"), (std::vector<double>{1, 2, 3}));
}

TEST(ResumeProgramTest, ARunWithoutACheckpointStartsAgainWithoutItsRows) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  expect_exit(0, tiny_training(run, {"training.max_steps=2"}));
  fs::remove_all(run + "/step-0000002");
  const ProgramResult again = expect_exit(0, tiny_training(run, {"training.max_steps=1"}));
  EXPECT_NE(again.errors.find("starts again from step 0"), std::string::npos) << again.errors;
  EXPECT_EQ(read_metric(run + "/metrics/train.jsonl", "step"), (std::vector<double>{1}));
  EXPECT_EQ(read_metric(run + "/metrics/eval.jsonl", "step"), (std::vector<double>{0, 1}));
}

TEST(ResumeProgramTest, OnlyTheNewestCheckpointsAreKept) {
  const TemporaryFolder folder;
  expect_exit(
      0,
      tiny_training(folder / "run", {"checkpoint.save_steps=1", "checkpoint.save_total_limit=2"}));
  EXPECT_EQ(steps_of(folder / "run"), (std::vector<std::string>{"step-0000009", "step-0000010"}));
}

TEST(ResumeProgramTest, TheBestEvaluationIsKept) {
  const TemporaryFolder folder;
  const std::vector<std::string> common = {
      "evaluation.eval_steps=1", "checkpoint.save_best=true", "checkpoint.save_total_limit=1"};
  const auto with = [&](std::vector<std::string> overrides) {
    overrides.insert(overrides.end(), common.begin(), common.end());
    return tiny_training(folder / "run", overrides);
  };
  expect_exit(0, with({"training.max_steps=3"}));
  expect_exit(0, with({"training.max_steps=5", "optimizer.lr=10"}));  // ruins the model
  const std::vector<double> losses = read_metric(folder / "run/metrics/eval.jsonl", "loss");
  ASSERT_EQ(std::min_element(losses.begin(), losses.end()) - losses.begin(), 3);
  EXPECT_EQ(steps_of(folder / "run"), (std::vector<std::string>{"step-0000003", "step-0000005"}));
}

TEST(ResumeProgramTest, AnotherRunGoesOnFromACheckpoint) {
  const TemporaryFolder folder;
  expect_exit(0, tiny_training(folder / "first", {"checkpoint.save_steps=5"}));
  expect_exit(
      0,
      tiny_training(folder / "second", {"checkpoint.resume=" + (folder / "first/step-0000005")}));
  EXPECT_EQ(read_bytes(folder / "second/step-0000010/model/model.safetensors"),
            read_bytes(folder / "first/step-0000010/model/model.safetensors"));
}

TEST(ResumeProgramTest, ARunThatBeginsAtItsEndSavesWhatItBeganWith) {
  const TemporaryFolder folder;
  expect_exit(0, tiny_training(folder / "first", {"training.max_steps=2"}));
  expect_exit(0,
              tiny_training(folder / "second",
                            {"training.max_steps=2", "checkpoint.resume=" + (folder / "first")}));
  EXPECT_EQ(read_bytes(folder / "second/latest"), "step-0000002\n");
  for (const char* file : {"/model/model.safetensors", "/rank-00000.safetensors"}) {
    EXPECT_EQ(read_bytes(folder / "second/step-0000002" + file),
              read_bytes(folder / "first/step-0000002" + file))
        << file;
  }
}

TEST(ResumeProgramTest, ACheckpointFromElsewhereDoesNotReplaceNewerOnes) {
  const TemporaryFolder folder;
  expect_exit(0, tiny_training(folder / "first", {"training.max_steps=1"}));
  const std::string run = folder / "second";
  expect_exit(0, tiny_training(run, {"training.max_steps=2"}));
  const ProgramResult result =
      expect_exit(2, tiny_training(run, {"checkpoint.resume=" + (folder / "first")}));
  EXPECT_NE(result.errors.find("output_dir = " + run + ": holds step-0000002, newer than " +
                               (folder / "first/step-0000001") +
                               " to go on from; go on with checkpoint.resume=auto or name another"),
            std::string::npos)
      << result.errors;
  EXPECT_EQ(read_bytes(run + "/latest"), "step-0000002\n");
  EXPECT_EQ(steps_of(run), std::vector<std::string>{"step-0000002"});
}

TEST(ResumeProgramTest, AnOlderStepOfTheRunItselfSetsTheNewerOnesAside) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  expect_exit(0, tiny_training(run, {"training.max_steps=2", "checkpoint.save_steps=1"}));
  expect_exit(75,
              tiny_training(run,
                            {"checkpoint.resume=" + (folder / "./run/step-0000001/"),
                             "training.max_steps=3",
                             kStopAtOnce}));
  EXPECT_EQ(read_bytes(run + "/latest"), "step-0000002\n");
  const std::vector<std::string> steps = steps_of(run);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[2].rfind("step-0000002.aside-", 0), 0U) << steps[2];
}

TEST(ResumeProgramTest, AStartThatFailsLeavesNoFolderInTheWay) {
  const TemporaryFolder folder;
  expect_exit(4, tiny_training(folder / "run", {"checkpoint.resume=" + (folder / "nowhere")}));
  EXPECT_FALSE(fs::exists(folder / "run"));
  expect_exit(0, tiny_training(folder / "run", {"training.max_steps=1"}));
}

TEST(ResumeProgramTest, WithoutResumeARunIsNotTouched) {
  const TemporaryFolder folder;
  expect_exit(0, tiny_training(folder / "run", {"training.max_steps=1"}));
  const ProgramResult result =
      expect_exit(2, tiny_training(folder / "run", {"checkpoint.resume=null"}));
  EXPECT_NE(result.errors.find("go on with checkpoint.resume=auto"), std::string::npos)
      << result.errors;
}

TEST(ResumeProgramTest, ADamagedCheckpointIsFour) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  expect_exit(0, tiny_training(run, {"training.max_steps=2"}));
  const std::string file = run + "/step-0000002/rank-00000.safetensors";
  std::string bytes = read_bytes(file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  testing::write_bytes(file, bytes);
  const ProgramResult result = expect_exit(4, tiny_training(run));
  EXPECT_NE(result.errors.find("rank-00000.safetensors"), std::string::npos) << result.errors;
}

TEST(ResumeProgramTest, AnUpdateThatIsNotFiniteSavesNothing) {
  const TemporaryFolder folder;
  const ProgramResult result = expect_exit(5,
                                           tiny_training(folder / "run",
                                                         {"training.max_steps=1",
                                                          "optimizer.lr=1e39",
                                                          "lr_scheduler.warmup_steps=0",
                                                          "model.dtype=float32"}));
  EXPECT_NE(result.errors.find("after step 1: expected a finite"), std::string::npos)
      << result.errors;
  EXPECT_FALSE(fs::exists(folder / "run/step-0000001"));
}

TEST(ResumeProgramTest, StepsThatAreNotFiniteCanBeSkipped) {
  const TemporaryFolder folder;
  // The first update makes the weights so large that later losses overflow.
  const ProgramResult result = expect_exit(0,
                                           tiny_training(folder / "run",
                                                         {"training.max_steps=3",
                                                          "optimizer.lr=1e30",
                                                          "lr_scheduler.warmup_steps=0",
                                                          "model.dtype=float32",
                                                          "training.on_nonfinite=skip",
                                                          "dataset.validation=[]"}));
  EXPECT_NE(result.errors.find("the step is skipped"), std::string::npos) << result.errors;
  EXPECT_NE(result.errors.find("first gradient that is not finite: "), std::string::npos)
      << result.errors;
}

}  // namespace
}  // namespace hecaton::recipes
