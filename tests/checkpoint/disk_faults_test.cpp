// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Every save is interrupted at every call that it makes of the disk.

#include "tests/checkpoint/disk_faults.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>
#include <vector>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "checkpoint/file_io.h"
#include "checkpoint/step_folder.h"
#include "checkpoint/store.h"
#include "core/error.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/checkpoint/saved_state.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::checkpoint {
namespace {

namespace fs = std::filesystem;
using hecaton::testing::expect_bitwise_equal;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;
using SharedCommunicator = std::shared_ptr<parallel::Communicator>;

/// How a process ended that made one save.
enum class Ending : int {
  kUndisturbed = 0,  ///< saved; the fault lay behind its last call
  kSaved = 3,        ///< saved all the same
  kIoError = 7,      ///< IoError that names a path in the run folder
  kOther = 1,
  kKilled = 137,
};

void save(const std::string& run_folder, int64_t step, int num_ranks) {
  parallel::run_ranks(num_ranks, [&](const SharedCommunicator& world) {
    PendingSave pending(run_folder, step, "any", world);
    pending.write(
        cut_state(sample_state(std::to_string(step)), Cut::kSharded, world->rank(), world->size()));
    pending.add_files([&](const std::string& folder) {
      if (world->rank() == 0) {
        create_folders(folder + "/model");
        write_file(folder + "/model/config.json", "{}");
      }
    });
    pending.commit();
    Store(run_folder, world).remove_old(2);
  });
}

/// In a process of its own: saves step 3, with `fault` at call `call`.
Ending save_with_fault(const std::string& run_folder, int num_ranks, int call, int fault) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto ending = Ending::kOther;
    at::set_num_threads(1);  // makes this process's thread pool, before several ranks do
    disk_faults_arm(run_folder.c_str(), call, fault);
    try {
      save(run_folder, 3, num_ranks);
      ending = disk_faults_num_calls() < call ? Ending::kUndisturbed : Ending::kSaved;
    } catch (const IoError& error) {
      const bool names_path = std::string(error.what()).find(run_folder) != std::string::npos;
      ending = names_path ? Ending::kIoError : Ending::kOther;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    std::_Exit(static_cast<int>(ending));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
             ? Ending::kKilled
             : static_cast<Ending>(WEXITSTATUS(status));
}

/// Expects the newest checkpoint to hold the state of its step, and returns that step.
int64_t expect_whole(const std::string& run_folder) {
  const std::optional<Checkpoint> newest = Store(run_folder, parallel::make_single()).open_newest();
  if (!newest) {
    ADD_FAILURE() << "no checkpoint is left";
    return -1;
  }
  const int64_t step = newest->manifest().step;
  const std::vector<TensorPiece> expected = sample_state(std::to_string(step));
  const std::vector<TensorPiece> actual = zeroed(expected);
  newest->load(actual);
  for (size_t i = 0; i < expected.size(); ++i) {
    expect_bitwise_equal(actual[i].values, expected[i].values);
  }
  return step;
}

/// Interrupts the third save of a run at every call in turn; returns how many there were.
int interrupt_every_call(int num_ranks, int fault) {
  const TemporaryFolder root;
  disk_faults_arm(root.path().c_str(), 0, 0);  // no waiting for the disk
  save(root / "before", 1, 1);
  save(root / "before", 2, 1);
  write_bytes(root / "before/step-0000002.tmp-dead/rank-00000.safetensors", "torn");
  const std::string run = root / "run";
  for (int call = 1;; ++call) {
    SCOPED_TRACE("call " + std::to_string(call) + ", fault " + std::to_string(fault) + ", " +
                 std::to_string(num_ranks) + " ranks");
    fs::remove_all(run);
    fs::copy(root / "before", run, fs::copy_options::recursive);
    const Ending ending = save_with_fault(run, num_ranks, call, fault);
    const int64_t newest = expect_whole(run);
    if (ending == Ending::kUndisturbed) {
      EXPECT_EQ(newest, 3);
      return call - 1;
    }
    EXPECT_EQ(ending == Ending::kKilled, fault < 0);
    EXPECT_NE(ending, Ending::kOther);
    EXPECT_TRUE(newest == 3 || (newest == 2 && ending != Ending::kSaved)) << newest;
    // Throws if it was touched.
    static_cast<void>(Checkpoint(run + "/step-0000002", parallel::make_single()));
    // A run that goes on finds nothing in its way, and clears up.
    save(run, 4, num_ranks);
    EXPECT_EQ(expect_whole(run), 4);
    EXPECT_EQ(complete_steps(run).size(), 2U);
    EXPECT_EQ(std::distance(fs::directory_iterator(run), {}), 3) << "leftovers";
    if (::testing::Test::HasFailure()) {
      return call;
    }
  }
}

TEST(DiskFaultsTest, APowerCutAtAnyCallLeavesWholeCheckpoints) {
  EXPECT_GT(interrupt_every_call(/*num_ranks=*/1, kPowerCut), 40);
}

TEST(DiskFaultsTest, APowerCutAfterASaveLosesNothing) {
  const int never = std::numeric_limits<int>::max();
  for (const int num_ranks : {1, 2}) {
    const TemporaryFolder root;
    const std::string run = root / "run";
    fs::create_directory(run);
    const pid_t child = ::fork();
    if (child == 0) {
      at::set_num_threads(1);
      disk_faults_arm(run.c_str(), never, kPowerCut);
      for (const int64_t step : {1, 2, 3}) {
        save(run, step, num_ranks);
      }
      disk_faults_cut_power();
    }
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_EQ(expect_whole(run), 3);
    EXPECT_EQ(read_bytes(run + "/latest"), "step-0000003\n");
    EXPECT_EQ(std::distance(fs::directory_iterator(run), {}), 3) << "leftovers";
  }
}

TEST(DiskFaultsTest, AFullDiskAtAnyCallLeavesWholeCheckpoints) {
  EXPECT_GT(interrupt_every_call(/*num_ranks=*/2, ENOSPC), 40);
}

TEST(DiskFaultsTest, ReachesProgramsThatKnowNothingOfIt) {
  const TemporaryFolder folder;
  Dl_info library = {};
  ASSERT_NE(::dladdr(reinterpret_cast<void*>(&disk_faults_arm), &library), 0);
  const auto make_folder = [&](const std::string& call, const std::string& fault) {
    const std::string command =
        "LD_PRELOAD=" + fs::absolute(library.dli_fname).string() +
        " HECATON_DISK_FAULT_FOLDER=" + folder.path() + " HECATON_DISK_FAULT_CALL=" + call +
        " HECATON_DISK_FAULT=" + fault + " mkdir " + (folder / call) + " 2>/dev/null; exit $?";
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(make_folder("1", "ENOSPC"), 1);
  EXPECT_FALSE(fs::exists(folder / "1"));
  EXPECT_EQ(make_folder("1", "kill"), 128 + SIGKILL);
  EXPECT_FALSE(fs::exists(folder / "1"));
  EXPECT_EQ(make_folder("99", "kill"), 0);
  EXPECT_TRUE(fs::exists(folder / "99"));
}

/// Every fault under every number of ranks: minutes.
class DiskFaultsSlowTest : public ::testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(DiskFaultsSlowTest, AtAnyCallLeavesWholeCheckpoints) {
  const auto& [num_ranks, fault] = GetParam();
  EXPECT_GT(interrupt_every_call(num_ranks, fault), 40);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    DiskFaultsSlowTest,
    ::testing::Combine(::testing::Values(1, 2, 4),
                       ::testing::Values(kPowerCut, kPowerCutThatKeepsNames, ENOSPC, EIO, EROFS)));

}  // namespace
}  // namespace hecaton::checkpoint
