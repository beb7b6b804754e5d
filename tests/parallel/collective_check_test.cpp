// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// What set_check_collectives() finds before any data moves.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/communicator.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

class CollectiveCheckTest : public ::testing::Test {
 protected:
  void SetUp() override { set_check_collectives(true); }
  void TearDown() override { set_check_collectives(false); }
};

/// Runs body(group) on every rank of worlds of several ranks; each of them must get a CommError
/// with `parts` in its text.
template <typename Body>
void expect_found_on_every_rank(const Body& body, const std::vector<std::string>& parts) {
  on_each_world([&](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    const auto group = world->split(0, "dp");
    std::string text;
    try {
      body(*group);
    } catch (const CommError& error) {
      text = error.what();
    }
    for (const std::string& part : parts) {
      EXPECT_NE(text.find(part), std::string::npos) << "found: " << text;
    }
  });
}

TEST_F(CollectiveCheckTest, LetsEqualCollectivesThrough) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    at::Tensor sum = at::ones({3});
    world->all_reduce(sum);
    EXPECT_EQ(sum[2].item<float>(), static_cast<float>(world->size()));
    const auto P = static_cast<size_t>(world->size());
    at::Tensor received = at::zeros({world->size()});
    world->all_to_all_v(at::ones({world->size()}),
                        received,
                        std::vector<int64_t>(P, 1),
                        std::vector<int64_t>(P, 1));
    EXPECT_EQ(received.sum().item<float>(), static_cast<float>(P));
  });
}

TEST_F(CollectiveCheckTest, NamesBothRanksAndPlacesOfDifferentOperations) {
  expect_found_on_every_rank(
      [](Communicator& group) {
        if (group.rank() == 1) {
          group.barrier();
        } else {
          group.all_reduce(at::ones({8}));
        }
      },
      {"dp_rank 0 issued all_reduce (sum of 8 Float) at collective_check_test.cpp:",
       " where dp_rank 1 issued barrier at collective_check_test.cpp:"});
}

TEST_F(CollectiveCheckTest, FindsOtherSizes) {
  expect_found_on_every_rank(
      [](Communicator& group) { group.all_reduce(at::ones({group.rank() == 1 ? 7 : 8})); },
      {"dp_rank 0 issued all_reduce (sum of 8 Float) at ",
       " where dp_rank 1 issued all_reduce (sum of 7 Float) at "});
}

TEST_F(CollectiveCheckTest, FindsARankThatSkippedACollective) {
  expect_found_on_every_rank(
      [](Communicator& group) {
        // Of the same size and kind as the next one: on one axis nothing else tells them apart.
        const auto own = group.split(group.rank(), "own");
        if (group.rank() != 1) {
          own->barrier();
        }
        try {
          group.all_reduce(at::ones({8}));
        } catch (const CommError&) {
          if (group.rank() == 1) {
            own->barrier();  // so that the numbers agree again for the tests to come
          }
          throw;
        }
      },
      {"dp_rank 0 issued all_reduce (sum of 8 Float) at ",
       ", number ",
       " where dp_rank 1 issued all_reduce (sum of 8 Float) at "});
}

TEST_F(CollectiveCheckTest, FindsCountsThatDoNotFit) {
  expect_found_on_every_rank(
      [](Communicator& group) {
        // Rank 0 sends 5 to rank 1, which expects 6; nobody else sends anything.
        std::vector<int64_t> sent(static_cast<size_t>(group.size()), 0);
        std::vector<int64_t> received = sent;
        sent[1] = group.rank() == 0 ? 5 : 0;
        received[0] = group.rank() == 1 ? 6 : 0;
        at::Tensor output = at::full({group.rank() == 1 ? 6 : 0}, 7.0);
        try {
          group.all_to_all_v(at::ones({group.rank() == 0 ? 5 : 0}), output, sent, received);
        } catch (const CommError&) {
          EXPECT_TRUE(output.eq(7.0).all().item<bool>()) << "data moved";
          throw;
        }
      },
      {"all_to_all_v (Float) at collective_check_test.cpp:",
       ": dp_rank 0 sends 5 elements to dp_rank 1, which expects 6"});
}

}  // namespace
}  // namespace hecaton::parallel
