// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/host.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;

constexpr char kVariable[] = "OMP_NUM_THREADS";

/// Sets OMP_NUM_THREADS (null: removes it) and puts the old value back at the end.
class ThreadVariable {
 public:
  explicit ThreadVariable(const char* value) {
    if (const char* old = std::getenv(kVariable)) {
      before_ = old;
    }
    set(value);
  }
  ~ThreadVariable() { set(before_ ? before_->c_str() : nullptr); }
  ThreadVariable(const ThreadVariable&) = delete;
  ThreadVariable& operator=(const ThreadVariable&) = delete;

 private:
  static void set(const char* value) {
    if (value == nullptr) {
      ::unsetenv(kVariable);
    } else {
      ::setenv(kVariable, value, /*overwrite=*/1);
    }
  }

  std::optional<std::string> before_;
};

ThreadChoice choose(std::optional<int64_t> requested) {
  return choose_threads(*parallel::make_single(), requested);
}

TEST(HostTest, TheRecipeDecidesFirst) {
  const ThreadVariable variable("5");
  const ThreadChoice choice = choose(3);
  EXPECT_EQ(choice.num_threads, 3);
  EXPECT_EQ(choice.origin, "training.num_threads");
}

TEST(HostTest, ThenTheEnvironment) {
  const ThreadVariable variable("5");
  const ThreadChoice choice = choose(std::nullopt);
  EXPECT_EQ(choice.num_threads, 5);
  EXPECT_EQ(choice.origin, "OMP_NUM_THREADS");
}

TEST(HostTest, ThenTheCores) {
  for (const char* value : {static_cast<const char*>(nullptr), "", "0", "-2", "many"}) {
    const ThreadVariable variable(value);
    const ThreadChoice choice = choose(std::nullopt);
    EXPECT_GE(choice.num_cores, 1);
    EXPECT_EQ(choice.ranks_on_cores, 1);
    EXPECT_EQ(choice.num_threads, choice.num_cores);
    EXPECT_EQ(choice.origin, "cores / ranks");
  }
}

TEST(HostTest, RefusesThreadsThatNoMachineHas) {
  const ThreadVariable variable("4294967296");
  const std::string most = std::to_string(8 * choose(1).num_cores);
  expect_error<ConfigError>([] { choose(std::nullopt); },
                            "OMP_NUM_THREADS = 4294967296: must be from 1 to " + most);
  expect_error<ConfigError>([] { choose(1048576); },
                            "training.num_threads = 1048576: must be from 1 to " + most);
  expect_error<ConfigError>([] { choose_threads(*parallel::make_single(), 0, "--threads"); },
                            "--threads = 0: must be from 1 to " + most);
}

TEST(HostTest, RanksOnTheSameCoresShareThem) {
  const ThreadVariable variable(nullptr);
  const int64_t num_cores = choose(std::nullopt).num_cores;
  parallel::run_ranks(3, [&](const std::shared_ptr<parallel::Communicator>& world) {
    const ThreadChoice choice = choose_threads(*world, std::nullopt);
    EXPECT_EQ(choice.num_cores, num_cores);
    EXPECT_EQ(choice.ranks_on_cores, 3);
    EXPECT_EQ(choice.num_threads, std::max<int64_t>(1, num_cores / 3));
  });
}

TEST(HostTest, AppliesTheChoice) {
  const int before = at::get_num_threads();
  ThreadChoice choice;
  choice.num_threads = 3;
  apply_threads(choice);
  EXPECT_EQ(at::get_num_threads(), 3);
  at::set_num_threads(before);
}

TEST(HostTest, MemoryIsThatOfThisProcess) {
  const double before = memory_gib();
  EXPECT_GT(before, 0.01);                          // LibTorch alone takes more
  constexpr int64_t kNumFloats = int64_t{1} << 26;  // a quarter of a GiB
  const at::Tensor block = at::ones({kNumFloats});
  const double growth = memory_gib() - before;
  EXPECT_GT(growth, 0.2);
  EXPECT_LT(growth, 0.5);
}

TEST(HostTest, UsableMemoryIsMoreThanWhatIsUsed) {
  EXPECT_GT(usable_memory_gib(), memory_gib());
  EXPECT_LT(usable_memory_gib(), 1e6);
}

TEST(HostTest, NamesMachineAndCpu) {
  EXPECT_FALSE(host_name().empty());
  EXPECT_EQ(host_name(), host_name());
  EXPECT_FALSE(cpu_name().empty());
  EXPECT_EQ(cpu_name().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace hecaton::recipes
