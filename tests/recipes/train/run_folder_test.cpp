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

/// A run with a model in the step folders `steps`, committed in this order.
void make_run(const std::string& path, const std::vector<int64_t>& steps) {
  const RunFolder run(path);
  run.create();
  write_bytes(run.config_path(), "seed: 1\n");
  for (const int64_t step : steps) {
    write_bytes(run.unfinished_step_path(step) + "/model/config.json", "{}");
    write_bytes(run.unfinished_step_path(step) + "/config.yaml", "seed: 1\n");
    run.commit_step(step);
  }
}

TEST(RunFolderTest, MakesItselfAndItsParts) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder / "new/run", folder.path() + "/empty"}) {
    if (path == folder / "empty") {
      fs::create_directory(path);
    }
    const RunFolder run(path);
    run.create();
    EXPECT_TRUE(fs::is_directory(path + "/metrics"));
    EXPECT_TRUE(fs::is_directory(path + "/logs"));
    EXPECT_EQ(run.path(), path);
    EXPECT_EQ(run.config_path(), path + "/config.yaml");
    EXPECT_EQ(run.record_path(), path + "/run.json");
    EXPECT_EQ(run.metrics_path("train"), path + "/metrics/train.jsonl");
    EXPECT_EQ(run.log_path(), path + "/logs/rank-00000.log");
    EXPECT_EQ(run.step_path(12), path + "/step-0000012");
    EXPECT_EQ(run.unfinished_step_path(12), path + "/step-0000012.tmp");
  }
}

TEST(RunFolderTest, RefusesWhatIsNotEmpty) {
  const TemporaryFolder folder;
  write_bytes(folder / "run/notes.txt", "mine");
  for (const std::string& path : {folder / "run", folder / "run/notes.txt"}) {
    expect_error<ConfigError>([&] { RunFolder(path).create(); },
                              "output_dir = " + path + ": is not empty; name another or remove it");
  }
  EXPECT_EQ(read_bytes(folder / "run/notes.txt"), "mine");
  EXPECT_FALSE(fs::exists(folder / "run/metrics"));
}

TEST(RunFolderTest, ReportsAPlaceThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_error<IoError>([&] { RunFolder(folder / "file/run").create(); }, folder / "file");
}

TEST(RunFolderTest, CommittingAStepMakesItTheLatest) {
  const TemporaryFolder folder;
  const RunFolder run(folder / "run");
  make_run(run.path(), {10});
  EXPECT_EQ(read_bytes(run.path() + "/latest"), "step-0000010\n");
  EXPECT_TRUE(fs::exists(run.step_path(10) + "/model/config.json"));
  EXPECT_FALSE(fs::exists(run.unfinished_step_path(10)));

  write_bytes(run.unfinished_step_path(20) + "/model/config.json", "{}");
  EXPECT_EQ(read_bytes(run.path() + "/latest"), "step-0000010\n") << "it is not committed yet";
  run.commit_step(20);
  EXPECT_EQ(read_bytes(run.path() + "/latest"), "step-0000020\n");
  EXPECT_TRUE(fs::exists(run.step_path(10))) << "earlier steps stay";
}

TEST(RunFolderTest, ReportsAStepThatWasNotWritten) {
  const TemporaryFolder folder;
  const RunFolder run(folder / "run");
  make_run(run.path(), {10});
  expect_error<IoError>([&] { run.commit_step(20); }, "step-0000020");
  EXPECT_EQ(read_bytes(run.path() + "/latest"), "step-0000010\n");
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
  make_run(folder / "run", {});
  for (const std::string& path :
       {folder / "none", folder.path(), folder / "file", folder / "run"}) {
    expect_error<CheckpointError>(
        [&] { find_model(path); },
        "model not found: " + path + " is neither a run folder, a step folder nor a model folder");
  }
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

TEST(FindModelTest, RefusesALatestThatIsAFolder) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "run/latest");
  expect_error<CheckpointError>([&] { find_model(folder / "run"); }, "model not found: ");
}

}  // namespace
}  // namespace hecaton::recipes
