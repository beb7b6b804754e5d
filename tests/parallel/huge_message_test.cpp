// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

TEST(HugeMessageTest, CountsPassThirtyTwoBits) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() != 2) {
      return;
    }
    const int64_t size = (int64_t{1} << 31) + 3;
    const at::Tensor tensor = at::empty({size}, at::TensorOptions(at::kByte));
    uint8_t* data = tensor.mutable_data_ptr<uint8_t>();
    // Other values on both sides of every place where a count could wrap.
    tensor.fill_(world->rank() == 0 ? 5 : 0);
    if (world->rank() == 0) {
      data[size - 1] = 7;
      data[(int64_t{1} << 31) - 1] = 8;
      world->send(tensor, 1);
    } else {
      world->recv(tensor, 0);
      EXPECT_EQ(data[size - 1], 7);
      EXPECT_EQ(data[(int64_t{1} << 31) - 1], 8);
      const at::Tensor before = tensor.narrow(0, 0, (int64_t{1} << 31) - 1);
      EXPECT_EQ(before.min().item<int>(), 5);
      EXPECT_EQ(before.max().item<int>(), 5);
      EXPECT_EQ(data[int64_t{1} << 31], 5);
    }
  });
}

}  // namespace
}  // namespace hecaton::parallel
