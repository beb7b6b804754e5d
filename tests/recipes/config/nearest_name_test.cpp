// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/nearest_name.h"

#include <gtest/gtest.h>

namespace hecaton::recipes {
namespace {

TEST(NearestNameTest, DistanceCountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("abc", "abd"), 1U);
  EXPECT_EQ(edit_distance("abc", "ab"), 1U);
  EXPECT_EQ(edit_distance("ab", "ba"), 2U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

TEST(NearestNameTest, FindsTheNearest) {
  EXPECT_EQ(nearest_name("trian", {"eval", "train", "bench"}), "train");
  EXPECT_EQ(nearest_name("train", {"trains", "train"}), "train");
  EXPECT_EQ(nearest_name("ep", {"dp", "ep_size"}), "dp");
}

TEST(NearestNameTest, TakesTheFirstAmongEquals) {
  EXPECT_EQ(nearest_name("xp", {"ep", "dp"}), "ep");
  EXPECT_EQ(nearest_name("xp", {"dp", "ep"}), "dp");
}

TEST(NearestNameTest, FindsNothingBeyondADistanceOfTwo) {
  EXPECT_EQ(nearest_name("abcde", {"abxyz"}), "");
  EXPECT_EQ(nearest_name("abcde", {"abcxy"}), "abcxy");
  EXPECT_EQ(nearest_name("abc", {}), "");
}

}  // namespace
}  // namespace hecaton::recipes
