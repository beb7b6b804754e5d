// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/collective.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

namespace hecaton::parallel {
namespace {

/// The first byte of `part` behind the start of `tensor`.
int64_t offset_of(const Part& part, const at::Tensor& tensor) {
  return part.data - static_cast<const std::byte*>(tensor.const_data_ptr());
}

// The tensors are larger than 32 bits count and never touched, so they take no memory.

TEST(CollectiveTest, CutsBehindThirtyTwoBits) {
  constexpr int64_t kHuge = (int64_t{1} << 31) + 5;  // elements
  for (const auto dtype : {at::kByte, at::kBFloat16}) {
    const at::Tensor tensor = at::empty({kHuge + 7}, dtype);
    const auto bytes = static_cast<int64_t>(tensor.element_size());
    const std::vector<Part> parts = cut(tensor, {kHuge, 0, 7});
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[0].count, kHuge);
    EXPECT_EQ(offset_of(parts[1], tensor), kHuge * bytes);
    EXPECT_EQ(parts[1].count, 0);
    EXPECT_EQ(offset_of(parts[2], tensor), kHuge * bytes);
    EXPECT_EQ(parts[2].count, 7);
  }
}

TEST(CollectiveTest, CutsEvenlyBehindThirtyTwoBits) {
  constexpr int64_t kThird = (int64_t{1} << 30) + 9;  // the last part begins behind 2^31
  const at::Tensor tensor = at::empty({3 * kThird + 2}, at::kByte);
  const std::vector<Part> parts = cut_evenly(tensor, 3);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].count, kThird + 1);
  EXPECT_EQ(parts[1].count, kThird + 1);
  EXPECT_EQ(parts[2].count, kThird);
  EXPECT_EQ(offset_of(parts[2], tensor), 2 * kThird + 2);
}

}  // namespace
}  // namespace hecaton::parallel
