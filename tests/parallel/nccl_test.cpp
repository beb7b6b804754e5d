// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// What is NCCL's alone; the cases of communicator_test.cpp run on it as well.

#include "parallel/nccl.h"

#include <chrono>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/parallel/worlds.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::parallel {
namespace {

at::Tensor zeros(const Communicator& world, int64_t size) {
  return at::zeros({size}, at::TensorOptions(at::kFloat).device(world.device()));
}

TEST(NcclTest, CarriesTensorsOfThisRanksGpu) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    EXPECT_EQ(world->backend(), "nccl");
    EXPECT_TRUE(world->device().is_cuda());
    expect_throw<ShapeError>([&] { world->all_reduce(at::zeros({2})); },
                             "tensor must be on " + world->device().str() + ": found cpu");
  });
}

TEST(NcclTest, FloatSumsAreCloseAndEqualOnEveryRank) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const at::Tensor i = at::arange(100'003, at::TensorOptions(at::kDouble));
    at::Tensor sum64 = at::zeros_like(i);
    at::Tensor own;
    for (int r = 0; r < world->size(); ++r) {
      const at::Tensor contribution = (i * 12.9898 + r * 78.233).sin();
      sum64 += contribution.to(at::kFloat).to(at::kDouble);
      own = r == world->rank() ? contribution.to(world->device(), at::kFloat) : own;
    }
    world->all_reduce(own);
    testing::expect_close(own, sum64, static_cast<double>(world->size()));
    at::Tensor maximum = own.clone();
    at::Tensor minimum = own.clone();
    world->all_reduce(maximum, ReduceOp::kMax);
    world->all_reduce(minimum, ReduceOp::kMin);
    testing::expect_bitwise_equal(maximum, minimum);
  });
}

TEST(NcclTest, MessagesOfAPairArriveInOrder) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    // Even ranks send while odd ones receive: NCCL carries out a rank's messages one by one.
    const int peer = world->rank() % 2 == 0 ? world->rank() + 1 : world->rank() - 1;
    if (peer >= world->size()) {
      return;
    }
    for (int i = 0; i < 5; ++i) {
      at::Tensor tensor = zeros(*world, i);
      if (world->rank() % 2 == 0) {
        world->send(tensor + i, peer);
      } else {
        world->recv(tensor, peer);
        EXPECT_TRUE(tensor.eq(i).all().item<bool>());
      }
    }
  });
}

TEST(NcclTest, MemoryIsSafeWhenTensorsAndHandlesAreLetGo) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    for (int i = 0; i < 20; ++i) {
      const int64_t size = int64_t{1} << 22;
      const at::Tensor kept = at::full_like(zeros(*world, size), 1.0);
      Handle handle = world->all_reduce_async(kept, ReduceOp::kSum);
      world->all_reduce_async(zeros(*world, size), ReduceOp::kSum);
      zeros(*world, size).fill_(-1.0);  // would land in memory that was given back too early
      handle.wait();
      handle.synchronize();
      EXPECT_TRUE(kept.eq(world->size()).all().item<bool>());
    }
  });
}

TEST(NcclTest, AWaitForARankThatNeverComesEndsWithTheTimeout) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    const auto group = world->split(0, "dp");
    group->barrier();  // connects the ranks, so that only the collective below is late
    if (world->rank() == 0) {
      const auto before = wait_timeout();
      set_wait_timeout(std::chrono::milliseconds(500));
      Handle handle = group->all_reduce_async(zeros(*world, 8), ReduceOp::kSum);
      const std::string text = "dp_rank 0 of " + std::to_string(world->size()) +
                               ": all_reduce (sum of 8 Float) at nccl_test.cpp:";
      expect_throw<CommError>([&] { handle.synchronize(); }, text);
      expect_throw<CommError>([&] { group->barrier(); }, text);
      set_wait_timeout(before);
    }
    world->barrier();
  });
}

}  // namespace
}  // namespace hecaton::parallel
