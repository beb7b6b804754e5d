// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/gpu_placement.h"

#include <cstddef>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/nccl.h"
#include "parallel/threads.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

GpuId gpu(int number) {
  GpuId id{};
  id.back() = static_cast<std::byte>(number);
  return id;
}

TEST(GpuPlacementTest, EveryRankMayHaveAGpuOfItsOwn) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    EXPECT_NO_THROW(check_one_rank_per_gpu(*world, gpu(world->rank())));
  });
}

TEST(GpuPlacementTest, TwoRanksOnOneGpuAreNamedOnEveryRank) {
  run_ranks(4, [](const std::shared_ptr<Communicator>& world) {
    expect_throw<ConfigError>(
        [&] { check_one_rank_per_gpu(*world, gpu(world->rank() % 3)); },
        "two ranks share one GPU: expected at most as many ranks on a machine as it has GPUs found "
        "world_rank 0 and world_rank 3 on the same");
  });
}

TEST(GpuPlacementTest, ADeviceThatIsNoGpuIsRefusedOnItsRank) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::string place = "world_rank " + std::to_string(world->rank());
    expect_throw<ConfigError>([&] { check_placement(*world, at::kCPU); },
                              place + ": device must be a GPU of this machine: expected one of ");
    expect_throw<ConfigError>([&] { check_placement(*world, at::Device(at::kCUDA, 100)); },
                              " CUDA devices found cuda:100");
    expect_throw<ConfigError>([&] { make_nccl(world, at::kCPU); }, " CUDA devices found cpu");
  });
}

TEST(GpuPlacementTest, RanksOfAMachineTakeItsGpusInTurn) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const at::Device device = gpu_for_rank(*world);
    EXPECT_TRUE(device.is_cuda());
    EXPECT_LE(device.index(), world->rank());
  });
}

}  // namespace
}  // namespace hecaton::parallel
