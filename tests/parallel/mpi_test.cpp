// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/mpi.h"

#include <chrono>
#include <stdexcept>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

at::Tensor zeros(int64_t size) {
  return at::zeros({size}, at::TensorOptions(at::kByte));
}

TEST(MpiTest, IsAnMpiJob) {
  EXPECT_TRUE(is_mpi_launch());
  EXPECT_FALSE(mpi_version().empty());
  EXPECT_EQ(mpi_version().find('\n'), std::string::npos);
  on_each_world(
      [](const std::shared_ptr<Communicator>& world) { EXPECT_EQ(world->backend(), "mpi"); });
}

TEST(MpiTest, RefusesPiecesThatMpiCannotCount) {
  expect_throw<ConfigError>([] { make_mpi_world(0); },
                            "piece_bytes must be from 1 to 1073741824: found 0");
  expect_throw<ConfigError>([] { make_mpi_world(kMaxPieceBytes + 1); }, "found 1073741825");
}

TEST(MpiTest, LongMessagesTravelInPieces) {
  const auto world = make_mpi_world(/*piece_bytes=*/16);
  for (const int64_t size : {0, 1, 15, 16, 17, 32, 33, 1000}) {
    const auto options = at::TensorOptions(at::kByte);
    const at::Tensor own = at::arange(size, options) + world->rank();
    const at::Tensor all = at::empty({world->size(), size}, options);
    world->all_gather(own, all);
    for (int64_t r = 0; r < world->size(); ++r) {
      EXPECT_TRUE(all[r].equal(at::arange(size, options) + r)) << "size " << size;
    }
  }
}

/// Rank 0 sends `sent` bytes, rank 1 expects `expected` and must find that out.
void expect_wrong_length_found(Communicator& world, int64_t sent, int64_t expected) {
  SCOPED_TRACE(testing::Message() << "sent " << sent << " expected " << expected);
  const auto group = world.split(0, "ep");  // of no further use afterwards
  std::vector<int64_t> counts(static_cast<size_t>(world.size()), 0);
  const std::vector<int64_t> none = counts;
  if (world.rank() == 1) {
    counts[0] = expected;
    expect_throw<CommError>(
        [&] { group->all_to_all_v(zeros(0), zeros(expected), none, counts); },
        "ep_rank 1 of " + std::to_string(world.size()) + ": all_to_all_v (Byte) at mpi_test.cpp:");
  } else {
    const int64_t bytes = world.rank() == 0 ? sent : 0;
    counts[1] = bytes;
    group->all_to_all_v(zeros(bytes), zeros(0), counts, none);
  }
}

TEST(TrapsTest, Trap07AMessageOfAnotherLengthIsAnErrorAndNoStaleRows) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    expect_wrong_length_found(*world, 5, 8);
    expect_wrong_length_found(*world, 8, 5);
    expect_wrong_length_found(*world, 0, 8);
    expect_wrong_length_found(*world, 8, 0);
  });
}

TEST(MpiTest, AMessageForAGroupThatFailedDoesNotReachTheNextOne) {
  const auto world = make_mpi_world();
  auto group = world->split(0, "ep");
  const std::vector<int64_t> none(static_cast<size_t>(world->size()), 0);
  std::vector<int64_t> counts = none;
  if (world->rank() == 1) {  // is done with the group before ranks 2 and 3 have sent
    counts[0] = 8;
    EXPECT_THROW(group->all_to_all_v(zeros(0), zeros(8), none, counts), CommError);
    group.reset();
    world->barrier();
  } else if (world->rank() == 0) {
    counts[1] = world->size() > 1 ? 5 : 0;
    const at::Tensor sent = zeros(counts[1]);
    Handle handle = group->all_to_all_v_async(sent, zeros(0), counts, none);
    world->barrier();
    handle.wait();
  } else {
    world->barrier();
    group->all_to_all_v(zeros(0), zeros(0), none, none);
  }
  group.reset();
  for (int i = 0; i < 3; ++i) {
    const auto pair = world->split(world->rank() / 2, "pair");
    at::Tensor sum = at::ones({1});
    pair->all_reduce(sum);
    EXPECT_EQ(sum.item<float>(), static_cast<float>(pair->size()));
  }
}

TEST(MpiTest, AWrongNumberOfPiecesIsFoundToo) {
  const auto world = make_mpi_world(/*piece_bytes=*/8);
  if (world->size() == 1) {
    return;
  }
  for (const int64_t sent : {0, 7, 8, 9, 16, 24}) {
    for (const int64_t expected : {0, 7, 8, 9, 16, 24}) {
      if (sent != expected) {
        expect_wrong_length_found(*world, sent, expected);
      }
    }
  }
}

TEST(MpiTest, AnExceptionDoesNotWaitForTheOtherRanks) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    const auto group = world->split(0, "dp");
    // Rank 0 alone issues it: a wait for the others would last until the timeout.
    if (world->rank() == 0) {
      EXPECT_THROW(
          {
            const Handle handle = group->all_reduce_async(zeros(8), ReduceOp::kSum);
            throw std::runtime_error("on the way to the wait");
          },
          std::runtime_error);
    }
    world->barrier();
  });
}

TEST(MpiTest, AWaitForARankThatNeverComesEndsWithTheTimeout) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    const auto group = world->split(0, "dp");
    if (world->rank() == 0) {
      const auto before = wait_timeout();
      set_wait_timeout(std::chrono::milliseconds(50));
      Handle handle = group->all_reduce_async(zeros(8), ReduceOp::kSum);
      expect_throw<CommError>([&] { handle.wait(); },
                              "dp_rank 0 of " + std::to_string(world->size()) +
                                  ": all_reduce (sum of 8 Byte) at mpi_test.cpp:");
      // Where each of them is.
      expect_throw<CommError>(
          [&] { handle.wait(); },
          ": no answer within 0.05 s from world_rank 1, which waits for barrier "
          "at mpi_test.cpp:");
      set_wait_timeout(before);
    }
    world->barrier();
  });
}

}  // namespace
}  // namespace hecaton::parallel
