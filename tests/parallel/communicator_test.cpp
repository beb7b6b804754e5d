// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/communicator.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

constexpr at::ScalarType kDtypes[] = {
    at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong, at::kInt, at::kByte};

// Nothing; fewer elements than ranks; all_reduce in one round; in two rounds, with uneven parts.
constexpr int64_t kSizes[] = {0, 1, 3, 64, 40'003};

/// Of a tensor that `world` can carry.
at::TensorOptions options(const Communicator& world, at::ScalarType dtype) {
  return at::TensorOptions(dtype).device(world.device());
}

/// 1, 2, ..., 7, 1, 2, ...: small enough that sums over four ranks are exact in every dtype.
at::Tensor pattern(const Communicator& world, int64_t size, at::ScalarType dtype) {
  return at::arange(size, options(world, at::kLong)).remainder(7).add(1).to(dtype);
}

void expect_equal(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_EQ(found.scalar_type(), expected.scalar_type());
  EXPECT_TRUE(found.equal(expected)) << "found\n" << found << "\nexpected\n" << expected;
}

/// Runs `body` for every rank of every world, with each dtype and size.
template <typename Body>
void for_each_case(const Body& body) {
  on_each_world([&body](const std::shared_ptr<Communicator>& world) {
    for (const at::ScalarType dtype : kDtypes) {
      for (const int64_t size : kSizes) {
        body(*world, dtype, size);
      }
    }
  });
}

TEST(CommunicatorTest, AllReduceSums) {
  for_each_case([](Communicator& world, at::ScalarType dtype, int64_t size) {
    const int64_t P = world.size();
    at::Tensor tensor = pattern(world, size, dtype) * (world.rank() + 1);
    world.all_reduce(tensor);
    expect_equal(tensor, pattern(world, size, dtype) * (P * (P + 1) / 2));
  });
}

TEST(CommunicatorTest, AllReduceTakesMaximumAndMinimum) {
  for_each_case([](Communicator& world, at::ScalarType dtype, int64_t size) {
    at::Tensor maximum = pattern(world, size, dtype) * (world.rank() + 1);
    at::Tensor minimum = maximum.clone();
    world.all_reduce(maximum, ReduceOp::kMax);
    world.all_reduce(minimum, ReduceOp::kMin);
    expect_equal(maximum, pattern(world, size, dtype) * world.size());
    expect_equal(minimum, pattern(world, size, dtype));
  });
}

TEST(CommunicatorTest, AllReduceOfBoolIsOrAndAnd) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    // Column 0: true on rank 0 alone; 1: on all; 2: on none.
    at::Tensor any = at::zeros({3}, options(*world, at::kBool));
    any[0] = world->rank() == 0;
    any[1] = true;
    at::Tensor all = any.clone();
    world->all_reduce(any, ReduceOp::kMax);
    world->all_reduce(all, ReduceOp::kMin);
    EXPECT_EQ(any[0].item<bool>(), true);
    EXPECT_EQ(any[1].item<bool>(), true);
    EXPECT_EQ(any[2].item<bool>(), false);
    EXPECT_EQ(all[0].item<bool>(), world->size() == 1);
    EXPECT_EQ(all[1].item<bool>(), true);
    EXPECT_EQ(all[2].item<bool>(), false);
  });
}

TEST(CommunicatorTest, ReduceScatterGivesEachRankItsBlockOfTheSum) {
  for_each_case([](Communicator& world, at::ScalarType dtype, int64_t size) {
    const int64_t P = world.size();
    const at::Tensor input = pattern(world, P * size, dtype) * (world.rank() + 1);
    const at::Tensor untouched = input.clone();
    const at::Tensor output = at::empty({size}, input.options());
    world.reduce_scatter(input, output);
    const at::Tensor sum = pattern(world, P * size, dtype) * (P * (P + 1) / 2);
    expect_equal(output, sum.narrow(0, world.rank() * size, size));
    expect_equal(input, untouched);
  });
}

TEST(CommunicatorTest, ReduceScatterTakesMaximumAndMinimum) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const at::Tensor input =
        pattern(*world, int64_t{5} * world->size(), at::kInt) * (world->rank() + 1);
    const at::Tensor output = at::empty({5}, input.options());
    const at::Tensor block = pattern(*world, int64_t{5} * world->size(), at::kInt)
                                 .narrow(0, int64_t{5} * world->rank(), 5);
    world->reduce_scatter(input, output, ReduceOp::kMax);
    expect_equal(output, block * world->size());
    world->reduce_scatter(input, output, ReduceOp::kMin);
    expect_equal(output, block);
  });
}

TEST(CommunicatorTest, AllGatherJoinsInTheOrderOfRanks) {
  for_each_case([](Communicator& world, at::ScalarType dtype, int64_t size) {
    const at::Tensor output = at::empty({world.size() * size}, options(world, dtype));
    world.all_gather(pattern(world, size, dtype) * (world.rank() + 1), output);
    for (int64_t r = 0; r < world.size(); ++r) {
      expect_equal(output.narrow(0, r * size, size), pattern(world, size, dtype) * (r + 1));
    }
  });
}

TEST(CommunicatorTest, AllGatherWorksInPlace) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const at::Tensor output = at::zeros({int64_t{3} * world->size()}, options(*world, at::kInt));
    const at::Tensor own = output.narrow(0, int64_t{3} * world->rank(), 3);
    own.fill_(world->rank() + 1);
    world->all_gather(own, output);
    expect_equal(output, at::arange(world->size() * 3, output.options()).div(3, "floor").add(1));
  });
}

/// Elements that rank `from` sends to rank `to`: rank 0 sends nothing, rank 1 gets nothing.
int64_t num_sent(int64_t from, int64_t to) {
  return from == 0 || to == 1 ? 0 : (from + 2 * to) % 4 * 11;
}

TEST(CommunicatorTest, AllToAllMovesUnevenParts) {
  for (const at::ScalarType dtype : kDtypes) {
    on_each_world([dtype](const std::shared_ptr<Communicator>& world) {
      std::vector<int64_t> send_counts;
      std::vector<int64_t> recv_counts;
      std::vector<at::Tensor> sent = {at::empty({0}, options(*world, dtype))};
      std::vector<at::Tensor> expected = sent;
      const int64_t rank = world->rank();
      for (int64_t r = 0; r < world->size(); ++r) {
        send_counts.push_back(num_sent(rank, r));
        recv_counts.push_back(num_sent(r, rank));
        // The value tells source and destination.
        sent.push_back(at::full({num_sent(rank, r)}, 10 * rank + r, options(*world, dtype)));
        expected.push_back(at::full({num_sent(r, rank)}, 10 * r + rank, options(*world, dtype)));
      }
      const int64_t total = std::accumulate(recv_counts.begin(), recv_counts.end(), int64_t{0});
      const at::Tensor output = at::empty({total}, options(*world, dtype));
      world->all_to_all_v(at::cat(sent), output, send_counts, recv_counts);
      expect_equal(output, at::cat(expected));
    });
  }
}

TEST(CommunicatorTest, AllToAllOfNothingReturns) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::vector<int64_t> zeros(static_cast<size_t>(world->size()), 0);
    const at::Tensor nothing = at::empty({0, 8}, options(*world, at::kFloat));
    world->all_to_all_v(nothing, at::empty_like(nothing), zeros, zeros);
  });
}

TEST(CommunicatorTest, BroadcastCopiesFromEachRoot) {
  for_each_case([](Communicator& world, at::ScalarType dtype, int64_t size) {
    for (int root = 0; root < world.size(); ++root) {
      at::Tensor tensor = pattern(world, size, dtype) * (world.rank() + 1);
      world.broadcast(tensor, root);
      expect_equal(tensor, pattern(world, size, dtype) * (root + 1));
    }
  });
}

TEST(CommunicatorTest, MessagesOfAPairArriveInOrder) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    const int next = (world->rank() + 1) % world->size();
    const int previous = (world->rank() + world->size() - 1) % world->size();
    std::vector<at::Tensor> received;
    std::vector<Handle> handles;
    for (int64_t i = 0; i < 5; ++i) {
      received.push_back(at::empty({i}, options(*world, at::kLong)));
      handles.push_back(world->recv_async(received.back(), previous));
    }
    for (int64_t i = 0; i < 5; ++i) {
      world->send(at::full({i}, int64_t{100} * world->rank() + i, options(*world, at::kLong)),
                  next);
    }
    for (int64_t i = 0; i < 5; ++i) {
      handles[static_cast<size_t>(i)].wait();
      expect_equal(received[static_cast<size_t>(i)],
                   at::full({i}, int64_t{100} * previous + i, options(*world, at::kLong)));
    }
  });
}

TEST(CommunicatorTest, AllAgreeIsTrueOnlyIfEveryRankIs) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    EXPECT_TRUE(world->all_agree(true));
    EXPECT_FALSE(world->all_agree(world->rank() != world->size() - 1));
    EXPECT_FALSE(world->all_agree(false));
  });
}

TEST(CommunicatorTest, NoRankPassesABarrierBeforeTheLastArrives) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const auto now = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
    if (world->rank() == world->size() - 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    at::Tensor last_arrival = at::full({1}, now(), options(*world, at::kLong));
    world->barrier();
    const int64_t left = now();
    world->all_reduce(last_arrival, ReduceOp::kMax);  // the clock is that of the machine
    EXPECT_GE(left, last_arrival.item<int64_t>());
  });
}

/// What rank `rank` contributes: values of mixed size, so that float sums depend on their order.
at::Tensor contribution(int64_t rank, int64_t size) {
  const at::Tensor i = at::arange(size, at::TensorOptions(at::kDouble));
  return (i * 12.9898 + static_cast<double>(rank) * 78.233).sin().mul(43758.5453).frac();
}

/// ((x0 + x1) + x2) + ... in `sum_dtype`, of terms rounded to `term_dtype`.
at::Tensor ordered_sum(int64_t num_ranks,
                       int64_t size,
                       at::ScalarType term_dtype,
                       at::ScalarType sum_dtype) {
  at::Tensor sum = contribution(0, size).to(term_dtype).to(sum_dtype);
  for (int64_t r = 1; r < num_ranks; ++r) {
    sum = sum + contribution(r, size).to(term_dtype).to(sum_dtype);
  }
  return sum;
}

TEST(CommunicatorTest, FloatSumsAreThoseOfOneProcessBitForBit) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    for (const int64_t size : {int64_t{500}, int64_t{50'001}}) {
      for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
        at::Tensor tensor = contribution(world->rank(), size).to(dtype);
        world->all_reduce(tensor);
        expect_equal(tensor, ordered_sum(world->size(), size, dtype, dtype));
      }
    }
  });
}

TEST(CommunicatorTest, HalfPrecisionIsSummedInFloatAndRoundedOnce) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
      const int64_t size = int64_t{50'000} / world->size() * world->size();
      at::Tensor tensor = contribution(world->rank(), size).to(dtype);
      const at::Tensor scattered = at::empty({size / world->size()}, tensor.options());
      world->reduce_scatter(tensor, scattered);
      world->all_reduce(tensor);

      const at::Tensor expected =
          ordered_sum(world->size(), size, /*term_dtype=*/dtype, /*sum_dtype=*/at::kFloat)
              .to(dtype);
      expect_equal(tensor, expected);
      expect_equal(scattered,
                   expected.narrow(0, world->rank() * scattered.numel(), scattered.numel()));
      if (world->size() > 2) {  // two terms are rounded once in any case
        EXPECT_FALSE(expected.equal(ordered_sum(world->size(), size, dtype, dtype)));
      }
    }
  });
}

TEST(CommunicatorTest, HandlesMayBeWaitedForInAnyOrder) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const int64_t P = world->size();
    std::vector<at::Tensor> tensors;
    std::vector<Handle> handles;
    for (const int64_t size : {40'000, 10, 0, 50'000, 60'000}) {
      tensors.push_back(pattern(*world, size, at::kFloat) * (world->rank() + 1));
      handles.push_back(world->all_reduce_async(tensors.back(), ReduceOp::kSum));
    }
    if (world->rank() % 2 == 1) {
      std::reverse(handles.begin(), handles.end());
    }
    for (Handle& handle : handles) {
      handle.wait();
      handle.wait();  // once more changes nothing
      handle.synchronize();
    }
    for (const at::Tensor& tensor : tensors) {
      expect_equal(tensor, pattern(*world, tensor.numel(), at::kFloat) * (P * (P + 1) / 2));
    }
  });
}

TEST(CommunicatorTest, ADroppedHandleStillDoesItsPart) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const int64_t P = world->size();
    for (int i = 0; i < 3; ++i) {
      at::Tensor tensor = pattern(*world, 40'000, at::kDouble) * (world->rank() + 1);
      if (world->rank() == 0) {
        // Neither tensor nor handle is kept while the others still need both rounds.
        world->all_reduce_async(std::move(tensor), ReduceOp::kSum);
      } else {
        world->all_reduce(tensor);
        expect_equal(tensor, pattern(*world, 40'000, at::kDouble) * (P * (P + 1) / 2));
      }
    }
  });
}

TEST(CommunicatorTest, SplitGroupsOverlap) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const int rank = world->rank();
    const int size = world->size();
    const auto pair = world->split(rank / 2, "pair");
    const auto stride = world->split(rank % 2, "stride");
    EXPECT_EQ(pair->axis(), "pair");
    EXPECT_EQ(pair->backend(), world->backend());
    EXPECT_EQ(pair->rank(), rank % 2);
    EXPECT_EQ(pair->size(), std::min(2, size));
    EXPECT_EQ(stride->rank(), rank / 2);
    EXPECT_EQ(stride->size(), std::max(1, size / 2));

    at::Tensor of_pair = at::full({30'000}, rank + 1, options(*world, at::kFloat));
    at::Tensor of_stride = of_pair.clone();
    at::Tensor of_world = of_pair.clone();
    Handle pair_handle = pair->all_reduce_async(of_pair, ReduceOp::kSum);
    Handle stride_handle = stride->all_reduce_async(of_stride, ReduceOp::kMax);
    Handle world_handle = world->all_reduce_async(of_world, ReduceOp::kMax);
    world_handle.wait();
    stride_handle.wait();
    pair_handle.wait();
    const int first = rank / 2 * 2;  // of this pair
    const int pair_sum = size == 1 ? 1 : (first + 1) + (first + 2);
    expect_equal(of_pair, at::full_like(of_pair, pair_sum));
    expect_equal(of_stride, at::full_like(of_pair, size == 1 ? 1 : size - 1 + rank % 2));
    expect_equal(of_world, at::full_like(of_pair, size));
  });
}

TEST(CommunicatorTest, SplitWaitsForNoOtherCollective) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    at::Tensor tensor = at::full({30'000}, 1, options(*world, at::kFloat));
    Handle handle = world->all_reduce_async(tensor, ReduceOp::kSum);
    if (world->rank() % 2 == 1) {
      handle.wait();
    }
    const auto copy = world->split(0, "copy");
    handle.wait();
    EXPECT_EQ(copy->rank(), world->rank());
    expect_equal(tensor, at::full_like(tensor, world->size()));
  });
}

TEST(CommunicatorTest, GathersTheTextsOfAllRanks) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const auto text_of = [](int rank) {
      return std::string(static_cast<size_t>(rank) * 1'000, 'x') + '\0' + std::to_string(rank);
    };
    std::vector<std::string> expected;
    expected.reserve(static_cast<size_t>(world->size()));
    for (int rank = 0; rank < world->size(); ++rank) {
      expected.push_back(text_of(rank));
    }
    EXPECT_EQ(world->all_gather_texts(text_of(world->rank())), expected);
    const std::vector<std::string> empty(static_cast<size_t>(world->size()));
    EXPECT_EQ(world->all_gather_texts(""), empty);
  });
}

TEST(CommunicatorTest, NodePlaceIsAmongTheRanksOfTheMachine) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const NodePlace place = world->node_place();  // tests use one machine
    EXPECT_EQ(place.local_rank, world->rank());
    EXPECT_EQ(place.local_size, world->size());
  });
}

TEST(CommunicatorTest, ADefaultHandleIsDone) {
  Handle handle;
  handle.wait();
  handle.synchronize();
}

}  // namespace
}  // namespace hecaton::parallel
