// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/threads.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

at::Tensor zeros(int64_t size) {
  return at::zeros({size}, at::TensorOptions(at::kFloat));
}

/// Runs `body` on ranks that all must get a CommError with `parts` in its text.
template <typename Body>
void expect_comm_error_on_all(int num_ranks,
                              const Body& body,
                              const std::vector<std::string>& parts) {
  std::atomic<int> num_errors = 0;
  run_ranks(num_ranks, [&](const std::shared_ptr<Communicator>& world) {
    try {
      body(*world);
    } catch (const CommError& error) {
      for (const std::string& part : parts) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      }
      ++num_errors;
    }
  });
  EXPECT_EQ(num_errors, num_ranks);
}

TEST(ThreadsTest, RefusesNoRanks) {
  expect_throw<ConfigError>([] { run_ranks(0, [](const auto& /*world*/) {}); },
                            "num_ranks must be at least 1: found 0");
}

TEST(ThreadsTest, EachRankHasOneAtenThreadAndTheCallerKeepsItsOwn) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  run_ranks(2, [](const std::shared_ptr<Communicator>& world) {
    EXPECT_EQ(at::get_num_threads(), 1);
    EXPECT_EQ(world->backend(), "threads");
  });
  EXPECT_EQ(at::get_num_threads(), 3);
  at::set_num_threads(before);
}

TEST(ThreadsTest, RethrowsWhatTheFailedRankThrewAndFreesTheOthers) {
  std::atomic<int> num_issued = 0;
  std::atomic<int> num_freed = 0;
  expect_throw<DataError>(
      [&] {
        run_ranks(4, [&](const std::shared_ptr<Communicator>& world) {
          const auto pair = world->split(world->rank() / 2, "pair");
          if (world->rank() == 1) {
            while (num_issued < 3) {
              std::this_thread::yield();
            }
            throw DataError("shard 7 is short");
          }
          Handle handle = world->all_reduce_async(zeros(8), ReduceOp::kSum);
          ++num_issued;
          expect_throw<CommError>([&] { handle.wait(); },
                                  ": world_rank 1 failed: shard 7 is short");
          // Later ones as well, in other groups too.
          expect_throw<CommError>([&] { pair->barrier(); }, ": world_rank 1 failed");
          ++num_freed;
          world->barrier();
        });
      },
      "shard 7 is short");
  EXPECT_EQ(num_freed, 3);
}

TEST(ThreadsTest, RethrowsWhatIsNoException) {
  EXPECT_THROW(run_ranks(2,
                         [](const std::shared_ptr<Communicator>& world) {
                           if (world->rank() == 0) {
                             throw 7;  // NOLINT(hicpp-exception-baseclass)
                           }
                           world->barrier();
                         }),
               int);
}

TEST(ThreadsTest, NamesBothRanksWhenOperationsDiffer) {
  expect_comm_error_on_all(4,
                           [](Communicator& world) {
                             if (world.rank() == 2) {
                               world.barrier();
                             } else {
                               world.all_reduce(zeros(8));
                             }
                           },
                           {"world_rank 0 issued all_reduce (sum of 8 Float) at threads_test.cpp:",
                            " where world_rank 2 issued barrier at threads_test.cpp:"});
}

TEST(ThreadsTest, NamesBothRanksWhenSizesDiffer) {
  expect_comm_error_on_all(2,
                           [](Communicator& world) {
                             world.all_gather(zeros(3 + world.rank()), zeros(6 + 2 * world.rank()));
                           },
                           {"world_rank 0 issued all_gather (3 Float) at ",
                            " where world_rank 1 issued all_gather (4 Float) at "});
}

TEST(ThreadsTest, NamesBothRanksWhenRootsDiffer) {
  expect_comm_error_on_all(2,
                           [](Communicator& world) { world.broadcast(zeros(1), world.rank()); },
                           {"world_rank 0 issued broadcast (1 Float from rank 0) at ",
                            " where world_rank 1 issued broadcast (1 Float from rank 1) at "});
}

TEST(ThreadsTest, NamesBothRanksWhenCountsOfAnAllToAllDiffer) {
  expect_comm_error_on_all(
      2,
      [](Communicator& world) {
        // Rank 0 sends 5 to rank 1, which expects 6.
        const bool is_first = world.rank() == 0;
        world.all_to_all_v(is_first ? zeros(5) : zeros(0),
                           is_first ? zeros(0) : zeros(6),
                           is_first ? std::vector<int64_t>{0, 5} : std::vector<int64_t>{0, 0},
                           is_first ? std::vector<int64_t>{0, 0} : std::vector<int64_t>{6, 0});
      },
      {"all_to_all_v (Float) at threads_test.cpp:",
       ": world_rank 0 sends 5 elements to world_rank 1, which expects 6"});
}

TEST(ThreadsTest, NamesBothRanksWhenASendAndItsReceiveDiffer) {
  expect_comm_error_on_all(
      2,
      [](Communicator& world) {
        if (world.rank() == 0) {
          world.send(zeros(2), 1);
        } else {
          world.recv(zeros(3), 0);
        }
      },
      {"world_rank 0 issued send (2 Float) at ", " where world_rank 1 issued recv (3 Float) at "});
}

TEST(ThreadsTest, AWaitForARankThatNeverComesEndsWithTheTimeout) {
  const auto before = wait_timeout();
  set_wait_timeout(std::chrono::milliseconds(50));
  run_ranks(2, [](const std::shared_ptr<Communicator>& world) {
    if (world->rank() == 0) {
      Handle handle = world->all_reduce_async(zeros(8), ReduceOp::kSum);
      expect_throw<CommError>(
          [&] { handle.wait(); },
          "world_rank 0 of 2: all_reduce (sum of 8 Float) at threads_test.cpp:");
      expect_throw<CommError>([&] { handle.wait(); }, "no answer within 0.05 s from world_rank 1");
    }
  });
  set_wait_timeout(before);
}

}  // namespace
}  // namespace hecaton::parallel
