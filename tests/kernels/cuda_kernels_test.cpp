// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// What only a GPU can get wrong: many tiles of the counting sort, rows in packs of 16 bytes and at
// odd addresses, more rows than warps, work on a stream that is not the default one. The CPU
// kernels are the reference here: the shared cases have held both against the definition.

#include <vector>

#include <ATen/ops/ones.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <gtest/gtest.h>

#include "kernels/activation.h"
#include "kernels/combine.h"
#include "kernels/grouping.h"
#include "kernels/permute.h"
#include "kernels/topk.h"
#include "tests/kernels/device_under_test.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::random_tensor;

/// [T, K] choices among E experts, some slots unused.
at::Tensor routing(int64_t T, int64_t K, int32_t E) {
  std::vector<int32_t> choices = {-1};
  for (int32_t e = 0; e < E; ++e) {
    choices.push_back(e);
  }
  return random_choices(T, K, choices);
}

TEST(CudaKernelsTest, GroupingOfManyTilesIsThatOfTheCpu) {
  for (const int32_t E : {1, 8, 257, 5000}) {
    for (const int64_t T : {85, 86, 1000, 33'333}) {  // 85 * 3 slots fill one tile less one
      const at::Tensor expert_idx_TK = routing(T, 3, E);
      const Grouping expected = group_by_expert(expert_idx_TK, E);
      const Grouping actual = group_by_expert(on_device(expert_idx_TK), E);
      expect_bitwise_equal(actual.slot_of_row_R, expected.slot_of_row_R);
      expect_bitwise_equal(actual.row_of_slot_TK, expected.row_of_slot_TK);
      expect_bitwise_equal(actual.num_rows_E, expected.num_rows_E);
    }
  }
}

TEST(CudaKernelsTest, RowsInPacksAndAtOddAddressesAreThoseOfTheCpu) {
  constexpr int64_t kTokens = 301;
  const at::Tensor expert_idx_TK = routing(kTokens, 2, 8);
  const Grouping grouping = group_by_expert(expert_idx_TK, 8);
  const at::Tensor weight_TK = random_tensor({kTokens, 2}, at::kFloat, "weight");
  for (const int64_t D : {8, 512, 1000, 1001}) {
    for (const int64_t offset : {0, 1}) {  // in elements: with 1 no row begins at 16 bytes
      const at::Tensor flat = random_tensor({kTokens * D + 1}, at::kBFloat16, "x");
      const at::Tensor x_TD = flat.narrow(0, offset, kTokens * D).view({kTokens, D});
      const at::Tensor cuda_TD = on_device(flat).narrow(0, offset, kTokens * D).view({kTokens, D});
      const at::Tensor rows_RD = permute_rows(x_TD, grouping.slot_of_row_R, 2);
      expect_bitwise_equal(permute_rows(cuda_TD, on_device(grouping.slot_of_row_R), 2), rows_RD);
      // Both sum in float32 and round once, but a GPU fuses product and sum: they differ by the
      // last bit of bfloat16 at most.
      expect_close(combine_rows(cuda_TD,
                                on_device(grouping.row_of_slot_TK.clamp_max(kTokens - 1)),
                                on_device(weight_TK)),
                   combine_rows(x_TD, grouping.row_of_slot_TK.clamp_max(kTokens - 1), weight_TK),
                   1.0);
    }
  }
}

TEST(CudaKernelsTest, MoreRowsThanWarpsAreAllDone) {
  constexpr int64_t kRows = (1 << 19) + 9;  // a grid has 2^19 warps at most
  const at::Tensor score_TE = random_tensor({kRows, 4}, at::kFloat, "score");
  const at::Tensor cuda_TE = on_device(score_TE);
  expect_bitwise_equal(kernels::topk(cuda_TE, 2), kernels::topk(score_TE, 2));
  expect_close(activation_forward(cuda_TE, Activation::kSwiGlu),
               activation_forward(score_TE, Activation::kSwiGlu),
               6.0);
}

TEST(CudaKernelsTest, RunsOnTheCallersStreamBehindWhatIsQueuedThere) {
  const at::Tensor x_TD = on_device(random_tensor({4096, 4096}, at::kFloat, "x"));
  const at::Tensor idx_R = on_device(routing(4096, 1, 4096).clamp_min(0).view({-1}));
  const at::Tensor expected_RD = permute_rows(x_TD.matmul(x_TD), idx_R);
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  c10::cuda::getCurrentCUDAStream().synchronize();
  at::Tensor rows_RD;
  {
    const c10::cuda::CUDAStreamGuard guard(stream);
    rows_RD = permute_rows(x_TD.matmul(x_TD), idx_R);
    stream.synchronize();
  }
  expect_bitwise_equal(rows_RD, expected_RD);
}

}  // namespace
}  // namespace hecaton::kernels
