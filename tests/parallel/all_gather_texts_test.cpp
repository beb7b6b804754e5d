// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/all_gather_texts.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

TEST(AllGatherTextsTest, GivesEveryRankTheTextsOfAll) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const auto text_of = [](int rank) {
      return std::string(static_cast<size_t>(rank) * 1'000, 'x') + '\0' + std::to_string(rank);
    };
    std::vector<std::string> expected;
    for (int rank = 0; rank < world->size(); ++rank) {
      expected.push_back(text_of(rank));
    }
    EXPECT_EQ(all_gather_texts(*world, text_of(world->rank())), expected);
  });
}

TEST(AllGatherTextsTest, TextsMayBeEmpty) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::vector<std::string> empty(static_cast<size_t>(world->size()));
    EXPECT_EQ(all_gather_texts(*world, ""), empty);
  });
}

}  // namespace
}  // namespace hecaton::parallel
