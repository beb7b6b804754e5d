// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdlib>

#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/mpi.h"
#include "tests/testing/expect_error.h"

namespace hecaton::parallel {
namespace {

TEST(MpiLaunchTest, KnowsALaunchedRankByItsEnvironment) {
  const auto names = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE"};
  for (const char* name : names) {
    unsetenv(name);
  }
  EXPECT_FALSE(is_mpi_launch());
  for (const char* name : names) {
    setenv(name, "1", 1);
    EXPECT_TRUE(is_mpi_launch()) << name;
    unsetenv(name);
  }
}

TEST(MpiLaunchTest, RefusesALauncherThatStartedAnotherNumberOfProcesses) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    unsetenv(name);
  }
  EXPECT_NO_THROW(check_launcher(1));
  setenv("SLURM_STEP_NUM_TASKS", "4", 1);
  EXPECT_NO_THROW(check_launcher(4));
  hecaton::testing::expect_error<ConfigError>([] { check_launcher(1); },
                                              "the launcher started 4 processes, but MPI sees 1");
  unsetenv("SLURM_STEP_NUM_TASKS");
}

TEST(MpiLaunchTest, KnowsItsRankByTheEnvironment) {
  const auto names = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (const char* name : names) {
    unsetenv(name);
  }
  EXPECT_EQ(launcher_rank(), 0);
  for (const char* name : names) {
    setenv(name, "3", 1);
    EXPECT_EQ(launcher_rank(), 3) << name;
    unsetenv(name);
  }
}

#ifdef HECATON_WITH_MPI
TEST(MpiLaunchTest, AbortWithoutAJobEndsTheProcessWithItsCode) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(abort_mpi(6), ::testing::ExitedWithCode(6), "");
}
#endif

}  // namespace
}  // namespace hecaton::parallel
