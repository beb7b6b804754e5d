// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdlib>

#include <gtest/gtest.h>

#include "parallel/mpi.h"

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

#ifdef HECATON_WITH_MPI
TEST(MpiLaunchTest, AbortWithoutAJobEndsTheProcessWithItsCode) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(abort_mpi(6), testing::ExitedWithCode(6), "");
}
#endif

}  // namespace
}  // namespace hecaton::parallel
