// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/workspace.h"

#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace hecaton {
namespace {

constexpr int64_t kMegabyte = int64_t{1} << 20;

int64_t num_allocations() {
  return workspace_stats().num_allocations;
}

TEST(WorkspaceTest, ATensorIsWhatEmptyWouldGive) {
  for (const int64_t size : {int64_t{0}, int64_t{3}, kMegabyte}) {
    const at::Tensor tensor = workspace_empty({2, size}, at::kBFloat16);
    EXPECT_EQ(tensor.sizes(), at::IntArrayRef({2, size}));
    EXPECT_EQ(tensor.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(tensor.is_contiguous());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data_ptr()) % 64, 0U);
  }
}

TEST(WorkspaceTest, MemoryGoesBackWithTheLastReference) {
  at::Tensor tensor = workspace_empty({3 * kMegabyte}, at::kByte);
  const void* data = tensor.data_ptr();
  const at::Tensor view = tensor.narrow(0, 5, 5);
  const int64_t num_before = num_allocations();
  tensor.reset();
  EXPECT_NE(workspace_empty({3 * kMegabyte}, at::kByte).data_ptr(), data);  // `view` holds it
  EXPECT_EQ(num_allocations(), num_before + 1);
}

TEST(WorkspaceTest, ATensorOfLikeSizeTakesWhatWasGivenBack) {
  workspace_empty({7 * kMegabyte}, at::kByte);
  const int64_t num_before = num_allocations();
  for (const int64_t size : {7 * kMegabyte, 6 * kMegabyte, 7 * kMegabyte - 5}) {
    workspace_empty({size}, at::kByte);
  }
  EXPECT_EQ(num_allocations(), num_before);
  workspace_empty({4 * kMegabyte}, at::kByte);  // 7 would waste too much
  EXPECT_EQ(num_allocations(), num_before + 1);
}

TEST(WorkspaceTest, KeepsNoMoreThanAQuarterBeyondTheMostThatWasInUse) {
  for (int64_t size = 20; size < 60; ++size) {
    workspace_empty({size * kMegabyte}, at::kByte);
    const WorkspaceStats stats = workspace_stats();
    EXPECT_LE(stats.used_bytes + stats.kept_bytes, 60 * kMegabyte * 5 / 4);
  }
}

TEST(WorkspaceTest, ThreadsShareIt) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([thread] {
      for (int i = 0; i < 200; ++i) {
        const at::Tensor tensor = workspace_empty({2 * kMegabyte}, at::kByte);
        tensor.data_ptr<uint8_t>()[i] = static_cast<uint8_t>(thread);
        EXPECT_EQ(tensor.data_ptr<uint8_t>()[i], thread);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace hecaton
