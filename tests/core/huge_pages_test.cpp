// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/huge_pages.h"

#include <cstdint>

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/held_memory.h"
#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

TEST(HugePagesTest, AreZerosOfTheShapeAndDtype) {
  for (const int64_t num_rows : {0, 3, 2048}) {
    for (const at::ScalarType dtype : {at::kBFloat16, at::kFloat, at::kDouble}) {
      // Twice, so that the second may get what the first wrote to.
      for (int i = 0; i < 2; ++i) {
        const at::Tensor zeros = zeros_on_huge_pages({num_rows, 1024}, dtype);
        EXPECT_EQ(zeros.sizes(), at::IntArrayRef({num_rows, 1024}));
        EXPECT_EQ(zeros.scalar_type(), dtype);
        EXPECT_TRUE(zeros.is_contiguous());
        EXPECT_EQ(zeros.count_nonzero().item<int64_t>(), 0);
        zeros.fill_(1.0);
      }
    }
  }
}

TEST(HugePagesTest, LargeTensorsBeginOnAHugePage) {
  const at::Tensor zeros = zeros_on_huge_pages({1 << 20}, at::kFloat);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(zeros.const_data_ptr()) % (uintptr_t{2} << 20), 0U);
}

TEST(HugePagesTest, ProfilersOfLibTorchSeeThem) {
  const HeldMemory held;
  at::Tensor zeros = zeros_on_huge_pages({2 << 20}, at::kFloat);
  EXPECT_EQ(held.num_bytes(), 8 << 20);
  zeros.reset();
  EXPECT_EQ(held.num_bytes(), 0);
  EXPECT_EQ(held.num_large(), 1);
}

TEST(HugePagesTest, RefusesWhatNoMemoryHolds) {
  constexpr int64_t kTera = int64_t{1} << 40;
  testing::expect_error<ShapeError>(
      [] {
        zeros_on_huge_pages({kTera, kTera}, at::kFloat);
      },
      "size does not fit into 63 bits");
#ifndef __SANITIZE_ADDRESS__  // whose own allocator ends the process
  testing::expect_error<c10::OutOfMemoryError>(
      [] { zeros_on_huge_pages({1024 * kTera}, at::kFloat); },
      "can't allocate memory: 4503599627370496 bytes");
#endif
}

}  // namespace
}  // namespace hecaton
