// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

constexpr int64_t kWrap = int64_t{1} << 31;  // where a 32-bit count of bytes turns negative
constexpr int64_t kSize = kWrap + 3;

/// Bytes with other values on both sides of every place where a count could wrap.
at::Tensor marked_bytes() {
  at::Tensor tensor = at::full({kSize}, 5, at::kByte);
  tensor.mutable_data_ptr<uint8_t>()[kWrap - 1] = 8;
  tensor.mutable_data_ptr<uint8_t>()[kSize - 1] = 7;
  return tensor;
}

void expect_marked_bytes(const at::Tensor& tensor) {
  const uint8_t* data = tensor.const_data_ptr<uint8_t>();
  EXPECT_EQ(data[kSize - 1], 7);
  EXPECT_EQ(data[kWrap - 1], 8);
  EXPECT_EQ(data[kWrap], 5);
  const at::Tensor before = tensor.narrow(0, 0, kWrap - 1);
  EXPECT_EQ(before.min().item<int>(), 5);
  EXPECT_EQ(before.max().item<int>(), 5);
}

TEST(HugeMessageTest, SendCountsPassThirtyTwoBits) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() != 2) {
      return;
    }
    if (world->rank() == 0) {
      world->send(marked_bytes(), 1);
    } else {
      const at::Tensor tensor = at::zeros({kSize}, at::kByte);
      world->recv(tensor, 0);
      expect_marked_bytes(tensor);
    }
  });
}

TEST(HugeMessageTest, CountsOfAnAllToAllPassThirtyTwoBits) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() != 2) {
      return;
    }
    // Rank 0 sends almost everything, rank 1 one byte.
    const bool is_sender = world->rank() == 0;
    const at::Tensor input = is_sender ? marked_bytes() : at::full({1}, 3, at::kByte);
    const at::Tensor output = at::zeros({is_sender ? 1 : kSize}, at::kByte);
    world->all_to_all_v(input,
                        output,
                        is_sender ? std::vector<int64_t>{0, kSize} : std::vector<int64_t>{1, 0},
                        is_sender ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{kSize, 0});
    if (is_sender) {
      EXPECT_EQ(output.item<int>(), 3);
    } else {
      expect_marked_bytes(output);
    }
  });
}

}  // namespace
}  // namespace hecaton::parallel
