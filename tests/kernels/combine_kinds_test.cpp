// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "kernels/combine.h"
#include "kernels/cpu_kind.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_same_bits_for_every_thread_count;
using testing::random_tensor;

/// [T, 3] with unused slots, and a token without any.
at::Tensor some_slots(int64_t T, int64_t num_rows) {
  at::Tensor row_of_slot_TK = (at::arange(T * 3, at::kInt) * 7).remainder(num_rows).view({T, 3});
  row_of_slot_TK[1].fill_(-1);
  row_of_slot_TK[2][0] = -1;
  return row_of_slot_TK;
}

TEST(CombineKindsTest, EveryKindOfCpuMeetsTheReference) {
  constexpr int64_t kTokens = 37;
  constexpr int64_t kRows = 23;
  const at::Tensor row_of_slot_TK = some_slots(kTokens, kRows);
  const at::Tensor weight_TK = random_tensor({kTokens, 3}, at::kFloat, "weight");
  for (const CpuKind kind : available_cpu_kinds()) {
    const CpuKindScope scope(kind);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      for (const int64_t D : {1, 7, 16, 63, 128, 300}) {
        SCOPED_TRACE(cpu_kind_name(kind) + " " + c10::toString(dtype) + " " + std::to_string(D));
        const at::Tensor rows_RD = random_tensor({kRows, D}, dtype, "rows");
        // Three products and sums in float32; bfloat16 rounded once more.
        const double epsilons = dtype == at::kFloat ? 4.0 : 0.51;
        for (const at::Tensor& weights : {weight_TK, at::Tensor()}) {
          expect_close(combine_rows(rows_RD, row_of_slot_TK, weights),
                       combine_rows_ref(rows_RD, row_of_slot_TK, weights),
                       epsilons);
        }
      }
    }
  }
}

TEST(CombineKindsTest, BitsDoNotDependOnThreads) {
  const at::Tensor row_of_slot_TK = some_slots(2000, 500);
  const at::Tensor weight_TK = random_tensor({2000, 3}, at::kFloat, "weight");
  for (const CpuKind kind : available_cpu_kinds()) {
    const CpuKindScope scope(kind);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor rows_RD = random_tensor({500, 144}, dtype, "rows");
      expect_same_bits_for_every_thread_count([&] {
        return std::vector<at::Tensor>{combine_rows(rows_RD, row_of_slot_TK, weight_TK)};
      });
    }
  }
}

TEST(CombineKindsTest, ANaNStaysInItsColumn) {
  for (const CpuKind kind : available_cpu_kinds()) {
    const CpuKindScope scope(kind);
    at::Tensor rows_RD = at::ones({4, 200}, at::kBFloat16);
    rows_RD[3][130] = std::numeric_limits<float>::quiet_NaN();
    const at::Tensor combined_TD =
        combine_rows(rows_RD, at::tensor({0, 3, 1, 2}, at::kInt).view({2, 2}), at::Tensor());
    EXPECT_EQ(combined_TD.isnan().sum().item<int64_t>(), 1) << cpu_kind_name(kind);
    EXPECT_TRUE(combined_TD[0][130].isnan().item<bool>()) << cpu_kind_name(kind);
  }
}

TEST(CombineKindsTest, ResultsBelowTheNormalNumbersAreAsDocumented) {
  for (const CpuKind kind : available_cpu_kinds()) {
    const CpuKindScope scope(kind);
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(cpu_kind_name(kind) + " " + c10::toString(dtype));
      const at::Tensor rows_RD = at::full({1, 150}, 0x1p-70, dtype);
      const bool flushes = dtype == at::kBFloat16 && kind >= CpuKind::kAvx512Bf16;
      expect_bitwise_equal(
          combine_rows(rows_RD, at::zeros({1, 1}, at::kInt), at::full({1, 1}, 0x1p-60, at::kFloat)),
          at::full({1, 150}, flushes ? 0.0 : 0x1p-130, dtype));
    }
  }
}

}  // namespace
}  // namespace hecaton::kernels
