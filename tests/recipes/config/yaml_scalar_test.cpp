// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/yaml_scalar.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace hecaton::recipes {
namespace {

TEST(YamlScalarTest, ReadsDecimalIntegersOnly) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* text :
       {"", "-", "010", "0x10", "0o7", "1_000", "1.0", "1e3", "9223372036854775808", "1 ", "+-1"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(YamlScalarTest, ReadsFiniteNumbersOnly) {
  EXPECT_EQ(parse_number("1e-5"), 1e-5);
  EXPECT_EQ(parse_number("+.5"), 0.5);
  EXPECT_EQ(parse_number("-3."), -3.0);
  EXPECT_EQ(parse_number("2.5E+2"), 250.0);
  EXPECT_EQ(parse_number("0.1"), 0.1);
  for (const char* text : {"",
                           ".",
                           "e5",
                           "1e",
                           "1e+",
                           "01.5",
                           "0x1p3",
                           "inf",
                           ".inf",
                           "nan",
                           ".nan",
                           "1e999",
                           "1,5"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(YamlScalarTest, KnowsOneSpellingOfEachBoolean) {
  EXPECT_EQ(parse_boolean("true"), true);
  EXPECT_EQ(parse_boolean("false"), false);
  for (const char* text : {"True", "TRUE", "yes", "on", "y", "1", ""}) {
    EXPECT_EQ(parse_boolean(text), std::nullopt) << text;
  }
}

TEST(YamlScalarTest, TellsTextFromOtherScalars) {
  for (const char* text : {"yes", "0x10", "010", "1_000", "True", "a b"}) {
    EXPECT_TRUE(is_plain_text(text)) << text;
  }
  for (const char* text : {"", "~", "null", "true", "12", "1e3", ".5", "-.inf", ".nan"}) {
    EXPECT_FALSE(is_plain_text(text)) << text;
  }
}

TEST(YamlScalarTest, PrintsTheShortestNumberThatReadsBack) {
  EXPECT_EQ(print_number(3e-4), "3e-04");
  EXPECT_EQ(print_number(0.1), "0.1");
  EXPECT_EQ(print_number(10000.0), "10000");
  for (const double value : {0.1 + 0.2, 1.0 / 3.0, 5e-324, -1.7976931348623157e308}) {
    EXPECT_EQ(parse_number(print_number(value)), value);
  }
}

TEST(YamlScalarTest, QuotesTextThatAnotherReaderWouldTakeForSomethingElse) {
  EXPECT_EQ(print_text("build/quickstart/train.txt"), "build/quickstart/train.txt");
  EXPECT_EQ(print_text("no"), "\"no\"");
  EXPECT_EQ(print_text("1e-5"), "\"1e-5\"");
  EXPECT_EQ(print_text("~"), "\"~\"");
  EXPECT_EQ(print_text(""), "\"\"");
  EXPECT_EQ(print_text("a: b # c"), "\"a: b # c\"");
  EXPECT_EQ(print_text("\"\\\n"), "\"\\\"\\\\\\x0A\"");
}

}  // namespace
}  // namespace hecaton::recipes
