// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/attention.h"

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/dot.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/decoder_cases.h"
#include "tests/models/reference_decoder.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::models {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random_tensor;

TEST(RotateTest, IsTheMultiplicationByAComplexNumber) {
  constexpr int64_t kFirstPosition = 7;
  constexpr double kTheta = 100.0;
  const at::Tensor x_BHQC = random_tensor({2, 3, 5, 6}, at::kDouble, "x");
  const at::Tensor actual = rotate(x_BHQC, kFirstPosition, kTheta);
  at::Tensor expected = at::empty_like(x_BHQC);
  for (int64_t b = 0; b < 2; ++b) {
    for (int64_t h = 0; h < 3; ++h) {
      for (int64_t q = 0; q < 5; ++q) {
        expected[b][h][q].copy_(reference_rotate(x_BHQC[b][h][q], kFirstPosition + q, kTheta));
      }
    }
  }
  expect_close(actual, expected, kDoubleFactor);
}

TEST(RotateTest, PairsTheHalvesOfAHead) {
  // Position 1 with theta 100: elements 0 and 2 turn by 1 radian, 1 and 3 by 0.1.
  const at::Tensor x_BHQC =
      at::tensor({1.0, 2.0, 3.0, 4.0}, at::TensorOptions().dtype(at::kDouble)).view({1, 1, 1, 4});
  const at::Tensor expected =
      at::tensor({-1.9841106485555497, 1.590674663968739, 2.4623779024123158, 4.1796834944057595},
                 at::TensorOptions().dtype(at::kDouble))
          .view({1, 1, 1, 4});
  expect_close(rotate(x_BHQC, 1, 100.0), expected, 4);
}

TEST(RotateTest, LeavesPositionZeroAlone) {
  const at::Tensor x_BHQC = random_tensor({1, 2, 1, 8}, at::kBFloat16, "x");
  expect_bitwise_equal(rotate(x_BHQC, 0, 10000.0), x_BHQC);
}

TEST(RotateTest, MakesAProductDependOnTheDistanceAlone) {
  const at::Tensor query = random_tensor({1, 1, 1, 8}, at::kDouble, "query");
  const at::Tensor key = random_tensor({1, 1, 1, 8}, at::kDouble, "key");
  const auto product = [&](int64_t query_position, int64_t key_position) {
    return at::dot(rotate(query, query_position, 10000.0).view({-1}),
                   rotate(key, key_position, 10000.0).view({-1}));
  };
  expect_close(product(1003, 1000), product(3, 0), kDoubleFactor);
  EXPECT_GT((product(4, 0) - product(3, 0)).abs().item<double>(), 1e-3);
}

TEST(DocumentMaskTest, AllowsEarlierTokensOfTheSameDocument) {
  const at::Tensor document_idx_BQ =
      at::tensor({0, 0, 1, 1, 4, 5, 5, 5}, at::TensorOptions().dtype(at::kInt)).view({2, 4});
  const at::Tensor expected_B1QQ = at::tensor({1, 0, 0, 0,  //
                                               1, 1, 0, 0,  //
                                               0, 0, 1, 0,  //
                                               0, 0, 1, 1,  //
                                               1, 0, 0, 0,  //
                                               0, 1, 0, 0,  //
                                               0, 1, 1, 0,  //
                                               0, 1, 1, 1},
                                              at::TensorOptions().dtype(at::kInt))
                                       .view({2, 1, 4, 4})
                                       .to(at::kBool);
  EXPECT_TRUE(at::equal(document_mask(document_idx_BQ), expected_B1QQ));
}

TEST(AttentionTest, GradientsMatchTheNumericJacobian) {
  for (const bool has_documents : {false, true}) {
    SCOPED_TRACE(has_documents ? "documents" : "causal");
    AttentionContext context;
    context.first_position = 2;
    if (has_documents) {
      context.mask_B1QQ = document_mask(
          at::tensor({0, 0, 1, 0, 1, 1}, at::TensorOptions().dtype(at::kInt)).view({2, 3}));
    }
    Attention attention(small_config());
    std::vector<at::Tensor> inputs = {random_tensor({2, 3, 6}, at::kDouble, "x")};
    for (const auto& item : attention->named_parameters()) {
      item.value().data().copy_(random_tensor(item.value().sizes(), at::kDouble, item.key()));
      inputs.push_back(item.value());
    }
    ASSERT_EQ(inputs.size(), 5U);
    expect_gradients(
        [&](const std::vector<at::Tensor>& values) {
          return attention->forward(values[0], context);
        },
        inputs);
  }
}

TEST(AttentionTest, StartsWithRandomMatricesAndNormsOfOne) {
  for (const auto& item : Attention(small_config())->named_parameters()) {
    const bool is_norm = item.key().find("norm") != std::string::npos;
    EXPECT_EQ(item.value().eq(1.0).all().item<bool>(), is_norm) << item.key();
    EXPECT_TRUE(item.value().abs().gt(0.0).all().item<bool>()) << item.key();
  }
}

TEST(AttentionTest, RefusesAMaskAfterCachedTokens) {
  const at::NoGradGuard no_grad;
  Attention attention(small_config());
  KvCache cache;
  AttentionContext context;
  context.cache = &cache;
  context.mask_B1QQ =
      document_mask(at::tensor({0, 1}, at::TensorOptions().dtype(at::kInt)).view({1, 2}));
  const at::Tensor x_BQD = random_tensor({1, 2, 6}, at::kDouble, "x");
  attention->forward(x_BQD, context);
  expect_error<ShapeError>([&] { attention->forward(x_BQD, context); },
                           "mask_B1QQ must be undefined after cached tokens: the cache holds 2");
}

TEST(KvCacheTest, KeepsWhatItHeldWhenItGrows) {
  KvCache cache;
  std::vector<at::Tensor> keys;
  for (int i = 0; i < 70; ++i) {  // more than the first allocation holds
    keys.push_back(random_tensor({2, 1, 1, 4}, at::kDouble, "key " + std::to_string(i)));
    const auto [key_BHQC, value_BHQC] = cache.append(keys.back(), -keys.back());
    ASSERT_EQ(cache.length, i + 1);
    ASSERT_EQ(key_BHQC.size(2), i + 1);
    for (int j = 0; j <= i; ++j) {
      const auto place = static_cast<size_t>(j);
      ASSERT_TRUE(at::equal(key_BHQC.narrow(2, j, 1), keys[place]));
      ASSERT_TRUE(at::equal(value_BHQC.narrow(2, j, 1), -keys[place]));
    }
  }
}

}  // namespace
}  // namespace hecaton::models
