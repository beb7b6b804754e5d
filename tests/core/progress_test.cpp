// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/progress.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace hecaton {
namespace {

using std::chrono::microseconds;

TEST(ProgressTest, CallsTheHookHalfAMillisecondApart) {
  int num_calls = 0;
  const ProgressScope scope([&] { ++num_calls; });
  const auto begin = std::chrono::steady_clock::now();
  while (num_calls < 10) {
    poll_progress();
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begin, microseconds(9 * 500));
}

TEST(ProgressTest, TheInnerScopeCountsUntilItEnds) {
  int num_outer = 0;
  int num_inner = 0;
  const ProgressScope outer([&] { ++num_outer; });
  {
    const ProgressScope inner([&] { ++num_inner; });
    while (num_inner < 2) {
      poll_progress();
    }
    EXPECT_EQ(num_outer, 0);
  }
  while (num_outer < 2) {
    poll_progress();
  }
  EXPECT_EQ(num_inner, 2);
}

TEST(ProgressTest, OtherThreadsHaveNoHook) {
  int num_calls = 0;
  const ProgressScope scope([&] { ++num_calls; });
  std::thread([] {
    for (int i = 0; i < 3; ++i) {
      std::this_thread::sleep_for(microseconds(600));
      poll_progress();
    }
  }).join();
  EXPECT_EQ(num_calls, 0);
}

}  // namespace
}  // namespace hecaton
