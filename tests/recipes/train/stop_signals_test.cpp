// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/stop_signals.h"

#include <csignal>
#include <cstdlib>

#include <gtest/gtest.h>

namespace hecaton::recipes {
namespace {

TEST(StopSignalsTest, AsksForNothingWithoutASignal) {
  StopSignals signals;
  EXPECT_EQ(signals.take(), StopRequest::kNone);
}

TEST(StopSignalsTest, TellsEachRequestOnce) {
  StopSignals signals;
  std::raise(SIGUSR2);
  EXPECT_EQ(signals.take(), StopRequest::kSave);
  EXPECT_EQ(signals.take(), StopRequest::kNone);
  for (const int signal : {SIGUSR1, SIGINT}) {
    std::raise(signal);
    EXPECT_EQ(signals.take(), StopRequest::kSaveAndStop);
    EXPECT_EQ(signals.take(), StopRequest::kNone);
  }
}

TEST(StopSignalsTest, StoppingOutweighsSaving) {
  StopSignals signals;
  std::raise(SIGUSR1);
  std::raise(SIGUSR2);
  EXPECT_EQ(signals.take(), StopRequest::kSaveAndStop);
}

TEST(StopSignalsTest, ForgetsWhatCameBeforeIt) {
  {
    StopSignals signals;
    std::raise(SIGUSR1);
  }
  StopSignals signals;
  EXPECT_EQ(signals.take(), StopRequest::kNone);
}

TEST(StopSignalsDeathTest, ASecondInterruptEndsTheProcess) {
  const auto interrupt_twice = [](int first, int second) {
    StopSignals signals;
    std::raise(first);
    std::raise(second);
    std::exit(0);
  };
  EXPECT_EXIT(interrupt_twice(SIGINT, SIGINT), ::testing::KilledBySignal(SIGINT), "");
  EXPECT_EXIT(interrupt_twice(SIGINT, SIGTERM), ::testing::KilledBySignal(SIGTERM), "");
  // A request to save does not count as an interrupt.
  EXPECT_EXIT(interrupt_twice(SIGUSR1, SIGTERM), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hecaton::recipes
