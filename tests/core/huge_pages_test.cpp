// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/huge_pages.h"

#include <cstdint>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hecaton
