// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/number_text.h"

#include <limits>

#include <gtest/gtest.h>

namespace hecaton::recipes {
namespace {

TEST(NumberTextTest, RoundsToTheDecimalsAskedFor) {
  EXPECT_EQ(fixed(2.34567, 2), "2.35");
  EXPECT_EQ(fixed(-0.5, 0), "-0");
  EXPECT_EQ(fixed(std::numeric_limits<double>::infinity(), 4), "inf");
  EXPECT_EQ(fixed(std::numeric_limits<double>::max(), 0).size(), 309U);
  EXPECT_EQ(scientific(1234.5, 1), "1.2e+03");
}

TEST(NumberTextTest, ShortensCounts) {
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(1'000), "1.0 k");
  EXPECT_EQ(short_count(1'234'567), "1.23 M");
  EXPECT_EQ(short_count(7'000'000'000), "7.00 B");
}

TEST(NumberTextTest, GroupsDigitsByThree) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1'000), "1,000");
  EXPECT_EQ(with_commas(1'234'567), "1,234,567");
}

TEST(NumberTextTest, PicksTheUnitOfASize) {
  EXPECT_EQ(size_text(1'536), "1.5 KiB");
  EXPECT_EQ(size_text(int64_t{3} << 20), "3.0 MiB");
  EXPECT_EQ(size_text(int64_t{5} << 40), "5.0 TiB");
}

TEST(NumberTextTest, ShowsTheTwoLargestUnitsOfATime) {
  EXPECT_EQ(duration(0.2), "0s");
  EXPECT_EQ(duration(59.6), "1m00s");
  EXPECT_EQ(duration(59.4), "59s");
  EXPECT_EQ(duration(3'599.0), "59m59s");
  EXPECT_EQ(duration(3'600.0), "1h00m");
  EXPECT_EQ(duration(86'399.0), "23h59m");
  EXPECT_EQ(duration(97'200.0), "1d03h");
}

}  // namespace
}  // namespace hecaton::recipes
