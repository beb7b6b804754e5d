// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/run_folder.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::write_bytes;

namespace fs = std::filesystem;

/// A run with a model in the step folders `steps`, the last of which is the latest.
void make_run(const std::string& path, const std::vector<int64_t>& steps) {
  const RunFolder run(path);
  run.open(/*may_exist=*/false);
  write_bytes(run.config_path(), "seed: 1\n");
  write_bytes(run.record_path(), "{}");
  for (const int64_t step : steps) {
    write_bytes(run.step_path(step) + "/model/config.json", "{}");
    write_bytes(run.step_path(step) + "/config.yaml", "seed: 1\n");
    write_bytes(path + "/latest", fs::path(run.step_path(step)).filename().string() + "\n");
  }
}

TEST(RunFolderTest, MakesItselfAndItsParts) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder / "new/run", folder.path() + "/empty"}) {
    if (path == folder / "empty") {
      fs::create_directory(path);
    }
    const RunFolder run(path);
    EXPECT_FALSE(run.open(/*may_exist=*/false));
    EXPECT_TRUE(fs::is_directory(path + "/metrics"));
    EXPECT_TRUE(fs::is_directory(path + "/logs"));
    EXPECT_EQ(run.path(), path);
    EXPECT_EQ(run.config_path(), path + "/config.yaml");
    EXPECT_EQ(run.record_path(), path + "/run.json");
    EXPECT_EQ(run.metrics_path("train"), path + "/metrics/train.jsonl");
    EXPECT_EQ(run.log_path(), path + "/logs/rank-00000.log");
    EXPECT_EQ(run.step_path(12), path + "/step-0000012");
  }
}

TEST(RunFolderTest, FindsARunIfItMay) {
  const TemporaryFolder folder;
  make_run(folder / "run", {10});
  EXPECT_TRUE(RunFolder(folder / "run").open(/*may_exist=*/true));
  EXPECT_FALSE(RunFolder(folder / "other").open(/*may_exist=*/true));
  expect_error<ConfigError>(
      [&] { RunFolder(folder / "run").open(/*may_exist=*/false); },
      "output_dir = " + (folder / "run") +
          ": holds a run; go on with checkpoint.resume=auto or name another folder");
}

TEST(RunFolderTest, RefusesWhatIsNoRun) {
  const TemporaryFolder folder;
  write_bytes(folder / "mine/notes.txt", "mine");
  for (const bool may_exist : {false, true}) {
    expect_error<ConfigError>(
        [&] { RunFolder(folder / "mine").open(may_exist); },
        "output_dir = " + (folder / "mine") + ": is not empty and holds no run; name another");
    expect_error<IoError>([&] { RunFolder(folder / "mine/notes.txt").open(may_exist); },
                          "notes.txt: is not a folder");
  }
  EXPECT_EQ(read_bytes(folder / "mine/notes.txt"), "mine");
  EXPECT_FALSE(fs::exists(folder / "mine/metrics"));
}

TEST(RunFolderTest, ReportsAPlaceThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_error<IoError>([&] { RunFolder(folder / "file/run").open(/*may_exist=*/true); },
                        folder / "file");
}

TEST(RunFolderTest, CheckRefusesWhatOpenWouldAndMakesNothing) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  make_run(folder / "run", {10});
  RunFolder(folder / "new/run").check(/*may_exist=*/false);
  EXPECT_FALSE(fs::exists(folder / "new"));
  RunFolder(folder / "run").check(/*may_exist=*/true);
  expect_error<ConfigError>([&] { RunFolder(folder / "run").check(/*may_exist=*/false); },
                            "holds a run");
  expect_error<IoError>(
      [&] { RunFolder(folder / "file/a/b").check(/*may_exist=*/true); },
      "cannot create folder " + (folder / "file/a/b") + ": " + (folder / "file") + " is no folder");
}

TEST(FindModelTest, FindsTheLatestStepOfARun) {
  const TemporaryFolder folder;
  make_run(folder / "run", {10, 20, 15});
  const ModelLocation location = find_model(folder / "run");
  EXPECT_EQ(location.model_folder, folder / "run/step-0000015/model");
  EXPECT_EQ(location.recipe_path, folder / "run/step-0000015/config.yaml");
}

TEST(FindModelTest, FindsTheModelOfAStep) {
  const TemporaryFolder folder;
  make_run(folder / "run", {10, 20});
  const std::string step = folder / "run/step-0000010";
  EXPECT_EQ(find_model(step).model_folder, step + "/model");
  EXPECT_EQ(find_model(step).recipe_path, step + "/config.yaml");
  fs::remove(step + "/config.yaml");
  EXPECT_EQ(find_model(step).recipe_path, "");
}

TEST(FindModelTest, TakesAModelFolderItself) {
  const TemporaryFolder folder;
  write_bytes(folder / "model/config.json", "{}");
  EXPECT_EQ(find_model(folder / "model").model_folder, folder / "model");
  EXPECT_EQ(find_model(folder / "model").recipe_path, "");
}

TEST(FindModelTest, NamesAFolderWithoutAModel) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  for (const std::string& path : {folder / "none", folder.path(), folder / "file"}) {
    expect_error<CheckpointError>(
        [&] { find_model(path); },
        "model not found: " + path + " is neither a run folder, a step folder nor a model folder");
  }
}

TEST(FindModelTest, NamesARunThatSavedNoModel) {
  const TemporaryFolder folder;
  make_run(folder / "run", {});
  expect_error<CheckpointError>([&] { find_model(folder / "run"); },
                                "the run in " + (folder / "run") + " saved no model");
}

TEST(FindModelTest, RefusesALatestThatNamesNoStep) {
  const TemporaryFolder folder;
  make_run(folder / "run", {10});
  write_bytes(folder / "model/config.json", "{}");
  for (const char* name : {"", "step-0000011", "../run/step-0000010", "..", "a\nb"}) {
    write_bytes(folder / "run/latest", name);
    expect_error<CheckpointError>([&] { find_model(folder / "run"); },
                                  (folder / "run") + "/latest: names no step folder with a model");
  }
}

TEST(FindModelTest, RefusesALatestOfAnySize) {
  const TemporaryFolder folder;
  make_run(folder / "run", {10});
  write_bytes(folder / "run/latest", "step-0000010" + std::string(1 << 20, '\n'));
  expect_error<CheckpointError>(
      [&] { find_model(folder / "run"); },
      (folder / "run") + "/latest: expected at most 1048576 bytes, found 1048588");
}

TEST(FindModelTest, RefusesALatestThatIsAFolder) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "run/latest");
  expect_error<CheckpointError>([&] { find_model(folder / "run"); }, "model not found: ");
}

}  // namespace
}  // namespace hecaton::recipes
