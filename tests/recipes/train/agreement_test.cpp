// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/agreement.h"

#include <atomic>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using parallel::Communicator;
using testing::expect_error;
using World = std::shared_ptr<Communicator>;

TEST(AgreementTest, FindsTheFirstRankThatDiffers) {
  parallel::run_ranks(4, [](const World& world) {
    EXPECT_EQ(first_rank_that_differs(*world, ~uint64_t{0}), std::nullopt);
    const uint64_t number = world->rank() >= 2 ? 8 : 7;
    EXPECT_EQ(first_rank_that_differs(*world, number), 2);
    EXPECT_EQ(first_rank_that_differs(*world, world->rank() == 0 ? 1 : 2), 1);
  });
  EXPECT_EQ(first_rank_that_differs(*parallel::make_single(), 5), std::nullopt);
}

TEST(AgreementTest, WorksOnTheMainRankAlone) {
  std::atomic<int> num_calls = 0;
  parallel::run_ranks(3, [&](const World& world) {
    on_main_rank(*world, [&] {
      EXPECT_EQ(world->rank(), 0);
      ++num_calls;
    });
  });
  EXPECT_EQ(num_calls, 1);
}

TEST(AgreementTest, FailureOfTheMainRankFailsEveryRank) {
  parallel::run_ranks(3, [&](const World& world) {
    const auto fail = [&] { on_main_rank(*world, [] { throw IoError("disk full"); }); };
    if (world->rank() == 0) {
      expect_error<IoError>(fail, "disk full");
    } else {
      expect_error<PeerFailure>(fail, "rank 0 failed");
    }
  });
}

}  // namespace
}  // namespace hecaton::recipes
