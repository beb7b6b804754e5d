// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/training_state.h"

#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;

TrainingState some_state() {
  return {.step = 12,
          .num_tokens = 3'000'000'000,
          .num_updates = 11,
          .elapsed_s = 0.1 + 0.2,
          .data_fingerprint = 0xfedcba9876543210,
          .best = BestEvaluation{.step = 10, .loss = 1.0 / 3.0}};
}

/// some_state() with one piece of its text exchanged.
std::string damaged(const std::string& piece, const std::string& by) {
  std::string text = to_json(some_state());
  const size_t place = text.find(piece);
  EXPECT_NE(place, std::string::npos) << piece;
  return text.replace(place, piece.size(), by);
}

TEST(TrainingStateTest, ReadsBackToTheSameBits) {
  EXPECT_EQ(training_state_from_json(to_json(some_state()), "state.json"), some_state());
  EXPECT_EQ(training_state_from_json(to_json({}), "state.json"), TrainingState{});
}

TEST(TrainingStateTest, NamesWhatIsWrong) {
  const auto expect_refused = [](const std::string& text, const std::string& message) {
    expect_error<CheckpointError>([&] { training_state_from_json(text, "state.json"); },
                                  "state.json: " + message);
  };
  expect_refused("", "expected a JSON object");
  expect_refused("[1]", "expected a JSON object");
  expect_refused(damaged("\"format_version\": 1", "\"format_version\": 2"),
                 "format_version: expected 1, found 2");
  expect_refused(damaged("\"step\": 12", "\"step\": -12"),
                 "step: expected a whole number of at least 0, found -12");
  expect_refused(damaged("\"step\": 12", "\"step\": 18446744073709551615"),
                 "step: expected a whole number of at least 0, found 18446744073709551615");
  expect_refused(damaged("\"updates\": 11,", ""),
                 "updates: expected a whole number of at least 0, found nothing");
  expect_refused(damaged("fedcba9876543210", "fedcba987654321z"),
                 "data_fingerprint: expected 16 hexadecimal digits");
  expect_refused(damaged("\"best\": {", "\"worst\": {"), "best: expected null or an object");
  expect_refused(damaged("\"loss\": 0.3333333333333333", "\"loss\": null"),
                 "best: loss: expected a number, found null");
}

}  // namespace
}  // namespace hecaton::recipes
