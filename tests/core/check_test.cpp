// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/check.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

using testing::expect_error;

#if !defined(NDEBUG) || defined(HECATON_DCHECK_ENABLED)
constexpr bool kHasDebugChecks = true;
#else
constexpr bool kHasDebugChecks = false;
#endif

TEST(CheckTest, LetsTrueConditionsPass) {
  EXPECT_NO_THROW(HECATON_CHECK(1 < 2, "never"));
  EXPECT_NO_THROW(HECATON_CHECK_EQ(2, 2, "never"));
  EXPECT_NO_THROW(HECATON_CHECK_LT(1, 2, "never"));
  EXPECT_NO_THROW(HECATON_CHECK_LE(2, 2, "never"));
  EXPECT_NO_THROW(HECATON_CHECK_GE(2, 2, "never"));
}

TEST(CheckTest, NamesTheRuleAndTheCondition) {
  const bool is_sorted = false;
  expect_error<InternalError>([&] { HECATON_CHECK(is_sorted, "rows must be sorted"); },
                              "rows must be sorted: is_sorted");
}

TEST(CheckTest, PrintsBothValuesAfterTheRule) {
  const int ep_size = 8;
  const int num_experts = 6;
  expect_error<InternalError>([&] { HECATON_CHECK_EQ(ep_size, num_experts, "must be equal"); },
                              "must be equal: ep_size=8 num_experts=6");
  expect_error<InternalError>([&] { HECATON_CHECK_LT(ep_size, num_experts, "must grow"); },
                              "must grow: ep_size=8 num_experts=6");
  expect_error<InternalError>([&] { HECATON_CHECK_LE(ep_size, num_experts, "must fit"); },
                              "must fit: ep_size=8 num_experts=6");
  expect_error<InternalError>([&] { HECATON_CHECK_GE(num_experts, ep_size, "must fill"); },
                              "must fill: num_experts=6 ep_size=8");
}

TEST(CheckTest, EvaluatesItsOperandsOnce) {
  int num_calls = 0;
  HECATON_CHECK_EQ(++num_calls, 1, "first call");
  EXPECT_EQ(num_calls, 1);
}

TEST(CheckTest, DebugChecksCostNothingWhereTheyAreOff) {
  int num_calls = 0;
  HECATON_DCHECK(++num_calls == 1, "first call");
  EXPECT_EQ(num_calls, kHasDebugChecks ? 1 : 0);
}

TEST(CheckTest, EveryKindOfErrorIsAnErrorAndKeepsItsText) {
  const auto text_of = [](const Error& error) { return std::string(error.what()); };
  EXPECT_EQ(text_of(ConfigError("a")), "a");
  EXPECT_EQ(text_of(ShapeError("b")), "b");
  EXPECT_EQ(text_of(DataError("c")), "c");
  EXPECT_EQ(text_of(CheckpointError("d")), "d");
  EXPECT_EQ(text_of(NumericError("e")), "e");
  EXPECT_EQ(text_of(CommError("f")), "f");
  EXPECT_EQ(text_of(IoError("g")), "g");
  EXPECT_EQ(text_of(InternalError("h")), "h");
}

}  // namespace
}  // namespace hecaton
