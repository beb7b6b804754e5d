// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/progress.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace hecaton {
namespace {

using std::chrono::microseconds;

/// Polls until `count` has reached `expected`, for ten seconds at most.
void poll_until(const int& count, int expected) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (count < expected && std::chrono::steady_clock::now() < end) {
    poll_progress();
  }
  ASSERT_EQ(count, expected);
}

TEST(ProgressTest, CallsTheHookHalfAMillisecondApart) {
  int num_calls = 0;
  const ProgressScope scope([&] { ++num_calls; });
  const auto begin = std::chrono::steady_clock::now();
  poll_until(num_calls, 10);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, microseconds(9 * 500));
}

TEST(ProgressTest, TheInnerScopeCountsUntilItEnds) {
  int num_outer = 0;
  int num_inner = 0;
  const ProgressScope outer([&] { ++num_outer; });
  {
    const ProgressScope inner([&] { ++num_inner; });
    poll_until(num_inner, 2);
    EXPECT_EQ(num_outer, 0);
  }
  poll_until(num_outer, 2);
  EXPECT_EQ(num_inner, 2);
}

TEST(ProgressTest, AHookThatPollsIsNotCalledAgain) {
  int num_calls = 0;
  const ProgressScope scope([&] {
    ++num_calls;
    std::this_thread::sleep_for(microseconds(600));
    poll_progress();
  });
  poll_until(num_calls, 3);
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
