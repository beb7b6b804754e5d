// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/schedule.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::optim {
namespace {

using testing::expect_error;

constexpr std::array<ScheduleType, 5> kAllTypes = {ScheduleType::kConstant,
                                                   ScheduleType::kLinear,
                                                   ScheduleType::kCosine,
                                                   ScheduleType::kWsd,
                                                   ScheduleType::kInverseSqrt};

TEST(ScheduleTest, WarmsUpLinearlyWithoutAStepAtZero) {
  for (const ScheduleType type : kAllTypes) {
    const ScheduleConfig config{.type = type, .lr = 0.8, .warmup_steps = 4, .max_steps = 10};
    EXPECT_DOUBLE_EQ(learning_rate(config, 0), 0.2);
    EXPECT_DOUBLE_EQ(learning_rate(config, 1), 0.4);
    EXPECT_DOUBLE_EQ(learning_rate(config, 2), 0.6);
    EXPECT_DOUBLE_EQ(learning_rate(config, 3), 0.8);
  }
}

TEST(ScheduleTest, ConstantStaysAtThePeak) {
  const ScheduleConfig config{
      .type = ScheduleType::kConstant, .lr = 0.3, .warmup_steps = 2, .max_steps = 100};
  for (const int64_t step : {2, 50, 99, 1000}) {
    EXPECT_EQ(learning_rate(config, step), 0.3);
  }
}

TEST(ScheduleTest, CosineGoesFromThePeakToTheSmallest) {
  const ScheduleConfig config{.lr = 0.5, .warmup_steps = 10, .max_steps = 111, .min_lr_ratio = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(config, 10), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 60), 0.5 * 0.6);  // halfway between 1 and 0.2
  EXPECT_DOUBLE_EQ(learning_rate(config, 35),
                   0.5 * (0.2 + 0.8 * 0.5 * (1.0 + std::numbers::sqrt2 / 2.0)));
  EXPECT_DOUBLE_EQ(learning_rate(config, 110), 0.5 * 0.2);
  for (int64_t step = 11; step <= 110; ++step) {
    EXPECT_LT(learning_rate(config, step), learning_rate(config, step - 1));
  }
}

TEST(ScheduleTest, CosineStaysAtTheSmallestAfterTheLastStep) {
  const ScheduleConfig config{.lr = 0.5, .max_steps = 5, .min_lr_ratio = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(config, 5), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 500), 0.1);
}

TEST(ScheduleTest, LinearGoesFromThePeakToTheSmallest) {
  const ScheduleConfig config{.type = ScheduleType::kLinear,
                              .lr = 0.5,
                              .warmup_steps = 10,
                              .max_steps = 111,
                              .min_lr_ratio = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate(config, 9), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 10), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 35), 0.5 * 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(config, 60), 0.5 * 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(config, 110), 0.5 * 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(config, 1000), 0.5 * 0.2);
}

TEST(ScheduleTest, TheWayDownMayEndBeforeTheRunOrAfterIt) {
  for (const ScheduleType type : {ScheduleType::kLinear, ScheduleType::kCosine}) {
    ScheduleConfig config{.type = type,
                          .lr = 0.5,
                          .warmup_steps = 10,
                          .max_steps = 111,
                          .min_lr_ratio = 0.2,
                          .decay_steps = 50};
    EXPECT_DOUBLE_EQ(learning_rate(config, 10), 0.5);
    EXPECT_DOUBLE_EQ(learning_rate(config, 35), 0.5 * 0.6);
    EXPECT_DOUBLE_EQ(learning_rate(config, 60), 0.5 * 0.2);
    EXPECT_DOUBLE_EQ(learning_rate(config, 110), 0.5 * 0.2);
    config.decay_steps = 200;
    EXPECT_DOUBLE_EQ(learning_rate(config, 110), 0.5 * 0.6);  // half of the way
  }
}

TEST(ScheduleTest, WsdStaysAtThePeakUntilItsLastSteps) {
  const ScheduleConfig config{.type = ScheduleType::kWsd,
                              .lr = 0.5,
                              .warmup_steps = 10,
                              .max_steps = 100,
                              .min_lr_ratio = 0.2,
                              .decay_steps = 20};
  for (const int64_t step : {9, 10, 50, 79}) {
    EXPECT_DOUBLE_EQ(learning_rate(config, step), 0.5);
  }
  EXPECT_DOUBLE_EQ(learning_rate(config, 80), 0.5 * (1.0 - 0.8 / 20));
  EXPECT_DOUBLE_EQ(learning_rate(config, 89), 0.5 * 0.6);
  EXPECT_DOUBLE_EQ(learning_rate(config, 99), 0.5 * 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(config, 1000), 0.5 * 0.2);
}

TEST(ScheduleTest, WsdGoesDownInTheLastTenthUnlessTold) {
  const ScheduleConfig config{
      .type = ScheduleType::kWsd, .lr = 0.5, .max_steps = 26, .min_lr_ratio = 0.0};
  EXPECT_DOUBLE_EQ(learning_rate(config, 22), 0.5);  // 2.6 steps are 3
  EXPECT_DOUBLE_EQ(learning_rate(config, 23), 0.5 * 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 25), 0.0);
}

TEST(ScheduleTest, WsdOfAShortenedRunGoesDownFromTheWarmUpOn) {
  ScheduleConfig config{.type = ScheduleType::kWsd,
                        .lr = 0.5,
                        .warmup_steps = 2,
                        .max_steps = 6,
                        .min_lr_ratio = 0.2,
                        .decay_steps = 50};
  EXPECT_DOUBLE_EQ(learning_rate(config, 1), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 2), 0.5 * 0.8);
  EXPECT_DOUBLE_EQ(learning_rate(config, 5), 0.5 * 0.2);
  config.warmup_steps = 6;
  EXPECT_DOUBLE_EQ(learning_rate(config, 5), 0.5);  // nothing is left for the way down
}

TEST(ScheduleTest, InverseSqrtFallsWithTheSteps) {
  ScheduleConfig config{.type = ScheduleType::kInverseSqrt,
                        .lr = 0.5,
                        .warmup_steps = 4,
                        .max_steps = 100,
                        .min_lr_ratio = 0.1};
  EXPECT_DOUBLE_EQ(learning_rate(config, 3), 0.5);  // the warm-up ends where the root begins
  EXPECT_DOUBLE_EQ(learning_rate(config, 4), 0.5 * std::sqrt(4.0 / 5.0));
  EXPECT_DOUBLE_EQ(learning_rate(config, 15), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate(config, 99), 0.5 * 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(config, 399), 0.5 * 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 10000), 0.5 * 0.1);
  config.warmup_steps = 0;
  EXPECT_DOUBLE_EQ(learning_rate(config, 0), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 3), 0.25);
}

TEST(ScheduleTest, ShortRunsTrainAtThePeak) {
  EXPECT_EQ(learning_rate({.lr = 0.5, .max_steps = 1}, 0), 0.5);
  EXPECT_EQ(learning_rate({.lr = 0.5, .warmup_steps = 1, .max_steps = 1}, 0), 0.5);
  // One step after the warm-up.
  EXPECT_EQ(learning_rate({.lr = 0.5, .warmup_steps = 2, .max_steps = 3}, 2), 0.5);
  // Two: the peak and the smallest.
  EXPECT_EQ(learning_rate({.lr = 0.5, .max_steps = 2, .min_lr_ratio = 0.5}, 0), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate({.lr = 0.5, .max_steps = 2, .min_lr_ratio = 0.5}, 1), 0.25);
}

TEST(ScheduleTest, TheWarmUpMayLastTheWholeRun) {
  const ScheduleConfig config{.lr = 0.4, .warmup_steps = 4, .max_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate(config, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 3), 0.4);
}

TEST(ScheduleTest, ListsEveryFault) {
  const auto check = [](const ScheduleConfig& config) {
    ConfigFaults faults("lr_scheduler");
    config.collect_faults(faults);
    faults.throw_if_any();
  };
  const ScheduleConfig wrong{.lr = -1.0, .warmup_steps = 1, .max_steps = 0, .min_lr_ratio = 1.5};
  for (const char* fault : {"lr_scheduler.lr = -1: must be finite and at least 0",
                            "lr_scheduler.max_steps = 0: must be at least 1",
                            "lr_scheduler.warmup_steps = 1: must be from 0 to max_steps=0",
                            "lr_scheduler.min_lr_ratio = 1.5: must be in [0, 1]"}) {
    expect_error<ConfigError>([&] { check(wrong); }, fault);
  }
  expect_error<ConfigError>([&] { check({.lr = INFINITY}); }, "lr = inf");
  expect_error<ConfigError>([&] { check({.warmup_steps = -1}); }, "warmup_steps = -1");
  expect_error<ConfigError>([&] { check({.min_lr_ratio = NAN}); }, "min_lr_ratio = nan");
  expect_error<ConfigError>([&] { check({.decay_steps = 0}); },
                            "lr_scheduler.decay_steps = 0: must be at least 1");
  EXPECT_NO_THROW(check({.warmup_steps = 7, .max_steps = 7, .min_lr_ratio = 0.0}));
}

}  // namespace
}  // namespace hecaton::optim
