// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/store.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "checkpoint/step_folder.h"
#include "core/error.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::checkpoint {
namespace {

namespace fs = std::filesystem;
using hecaton::testing::expect_error;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;
using SharedCommunicator = std::shared_ptr<parallel::Communicator>;
using Steps = std::vector<int64_t>;

/// A run folder with checkpoints, each holding its own step as a tensor.
class StoreTest : public ::testing::Test {
 protected:
  void save(const Steps& steps) {
    for (const int64_t step : steps) {
      PendingSave pending(folder_.path(), step, "world 1", world_);
      pending.write({whole_tensor("step", at::full({1}, static_cast<double>(step)))});
      pending.commit();
    }
  }

  /// Breaks the rank file of a step.
  void damage(int64_t step) const {
    write_bytes(folder_ / (step_folder_name(step) + "/rank-00000.safetensors"), "torn");
  }

  Steps steps() const { return complete_steps(folder_.path()); }
  std::string latest() const { return read_bytes(folder_ / "latest"); }

  TemporaryFolder folder_;
  SharedCommunicator world_ = parallel::make_single();
  Store store_ = Store(folder_.path(), world_);
};

TEST_F(StoreTest, OpensTheNewestCompleteCheckpoint) {
  EXPECT_FALSE(store_.open_newest().has_value());
  EXPECT_FALSE(Store(folder_ / "missing", world_).open_newest().has_value());
  save({9, 10, 2});
  fs::create_directories(folder_ / "step-0000011");  // no manifest
  fs::rename(folder_ / "step-0000002", folder_ / "step-0000099.tmp-0");
  parallel::run_ranks(2, [&](const SharedCommunicator& world) {
    const std::optional<Checkpoint> newest = Store(folder_.path(), world).open_newest();
    ASSERT_TRUE(newest.has_value());
    EXPECT_EQ(newest->manifest().step, 10);
    const at::Tensor step = at::zeros({1});
    newest->load({whole_tensor("step", step)});
    EXPECT_EQ(step.item<float>(), 10.0F);
  });
}

TEST_F(StoreTest, NamesTheOneBeforeADamagedCheckpointAndDoesNotTakeIt) {
  save({1, 2, 3});
  damage(3);
  parallel::run_ranks(2, [&](const SharedCommunicator& world) {
    expect_error<CheckpointError>(
        [&] { Store(folder_.path(), world).open_newest(); },
        "step-0000003/rank-00000.safetensors: expected a file of 100 bytes, found 4; the one "
        "before it is step-0000002");
  });
}

TEST_F(StoreTest, ReportsTheOnlyCheckpointWhenItIsDamaged) {
  save({1});
  damage(1);
  expect_error<CheckpointError>([&] { store_.open_newest(); },
                                "step-0000001/rank-00000.safetensors: expected a file of ");
}

TEST_F(StoreTest, RemovesTheOldestAndKeepsTheNewestAndTheProtected) {
  save({1, 2, 3, 4, 5});
  store_.remove_old(0);
  EXPECT_EQ(steps(), Steps({1, 2, 3, 4, 5}));
  store_.remove_old(4);
  EXPECT_EQ(steps(), Steps({2, 3, 4, 5}));
  store_.remove_old(2, {3});
  EXPECT_EQ(steps(), Steps({3, 5}));
  store_.remove_old(1, {3});
  EXPECT_EQ(steps(), Steps({3, 5}));
  store_.remove_old(1);
  EXPECT_EQ(steps(), Steps({5}));
  store_.remove_old(1);
  EXPECT_EQ(steps(), Steps({5}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 2) << "leftovers";
}

TEST_F(StoreTest, LeavesWithAWarningWhatItCannotRemove) {
  Store(folder_ / "missing", world_).remove_old(1);
  write_bytes(folder_ / "file", "");
  ::testing::internal::CaptureStderr();
  Store(folder_ / "file", world_).remove_old(1);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("old checkpoints are left: cannot list "), std::string::npos) << log;
}

TEST_F(StoreTest, SetsNewerCheckpointsAsideSoThatResumingGoesOnFromTheChosenOne) {
  save({1, 2, 3});
  damage(3);
  EXPECT_EQ(latest(), "step-0000003\n");
  parallel::run_ranks(
      2, [&](const SharedCommunicator& world) { Store(folder_.path(), world).set_aside_after(1); });
  EXPECT_EQ(steps(), Steps({1}));
  EXPECT_EQ(latest(), "step-0000001\n");
  EXPECT_EQ(store_.open_newest()->manifest().step, 1);
  save({2});
  int num_aside = 0;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    num_aside += entry.path().string().find(".aside-") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(num_aside, 2) << "set aside, not removed";
}

TEST_F(StoreTest, SettingAsideLeavesTheLatestWhereItHasNoSuchStep) {
  save({2, 4});
  store_.set_aside_after(3);
  EXPECT_EQ(steps(), Steps({2}));
  EXPECT_EQ(latest(), "step-0000004\n") << "no step 3 to name";
  store_.set_aside_after(2);
  EXPECT_EQ(steps(), Steps({2})) << "none is newer";
}

TEST_F(StoreTest, ReportsARunFolderThatCannotBeListed) {
  write_bytes(folder_ / "file", "");
  expect_error<IoError>([&] { Store(folder_ / "file", world_).open_newest(); },
                        "cannot list " + (folder_ / "file") + ": Not a directory");
}

}  // namespace
}  // namespace hecaton::checkpoint
