// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/topk.h"

#include <cstdint>
#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/kernels/device_under_test.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const auto kInt32 = at::TensorOptions().dtype(at::kInt);

at::Tensor find_topk(const at::Tensor& score_TE, int64_t K) {
  // at::topk() is found by argument too, so the kernel is called by its full name.
  return kernels::topk(on_device(score_TE), K).cpu();
}

/// Both definitions agree that the best positions of `score_E` are `expected_K`.
void expect_topk(const std::vector<double>& score_E, const std::vector<int>& expected_K) {
  const auto K = static_cast<int64_t>(expected_K.size());
  const at::Tensor expected_1K = at::tensor(expected_K, kInt32).unsqueeze(0);
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const at::Tensor score_1E = at::tensor(score_E).to(dtype).unsqueeze(0);
    expect_bitwise_equal(find_topk(score_1E, K), expected_1K);
    expect_bitwise_equal(topk_ref(score_1E, K), expected_1K);
  }
}

TEST(TopkTest, TakesTheLargestFirst) {
  expect_topk({0.1, 0.7, -2.0, 0.2}, {1, 3, 0});
}

TEST(TopkTest, EqualsTheReference) {
  for (const int64_t T : kSizes) {
    for (const int64_t E : {1, 7, 31, 32, 33}) {
      const at::Tensor score_TE = random_tensor({T, E}, at::kFloat, "score");
      const at::Tensor tied_TE = (score_TE * 2.0).round();  // some eight values
      for (const int64_t K : {int64_t{1}, (E + 1) / 2, E}) {
        expect_bitwise_equal(find_topk(score_TE, K), topk_ref(score_TE, K));
        expect_bitwise_equal(find_topk(tied_TE, K), topk_ref(tied_TE, K));
        expect_bitwise_equal(find_topk(score_TE.to(at::kDouble), K), topk_ref(score_TE, K));
      }
    }
  }
}

TEST(TopkTest, TiesGoToTheLowerPosition) {
  expect_topk({1.0, 1.0, 1.0, 1.0}, {0, 1, 2});
  expect_topk({0.0, 2.0, 1.0, 2.0, 1.0}, {1, 3, 2});
  expect_topk({0.0, -0.0, 0.0}, {0, 1});
}

TEST(TopkTest, ARowOfNanGetsValidDistinctPositions) {
  expect_topk({kNan, kNan, kNan, kNan}, {0, 1, 2});
}

TEST(TopkTest, NanIsSmallerThanEveryNumber) {
  expect_topk({kNan, -5.0, kNan, 3.0}, {3, 1, 0});
  expect_topk({kNan, -kInfinity, 3.0, kNan, -kInfinity}, {2, 1, 4, 0, 3});
}

TEST(TopkTest, InfinitiesAreNumbers) {
  expect_topk({-kInfinity, 0.0, kInfinity, -kInfinity}, {2, 1, 0});
}

TEST(TopkTest, KeepsDigitsThatOnlyDoubleHas) {
  const at::Tensor score_1E =
      at::tensor({1.0, 1.0 + 0x1p-50}, at::TensorOptions().dtype(at::kDouble)).unsqueeze(0);
  expect_bitwise_equal(find_topk(score_1E, 1), at::full({1, 1}, 1, kInt32));
}

TEST(TopkTest, ReadsStridedScores) {
  const at::Tensor strided_TE = random_tensor({7, 9}, at::kFloat, "score").t();
  expect_bitwise_equal(find_topk(strided_TE, 3), topk_ref(strided_TE, 3));
  expect_bitwise_equal(find_topk(at::zeros({1, 1}).expand({9, 7}), 7),
                       at::arange(7, kInt32).expand({9, 7}));
}

TEST(TopkTest, GivesTheSameBitsForEveryThreadCount) {
  const at::Tensor score_TE = (random_tensor({2049, 33}, at::kFloat, "score") * 4.0).round();
  testing::expect_same_bits_for_every_thread_count(
      [&] { return std::vector<at::Tensor>{find_topk(score_TE, 5)}; });
}

TEST(TopkTest, RefusesAnotherShapeOrDtype) {
  expect_error<ShapeError>([] { find_topk(at::zeros({4}), 1); },
                           "score_TE has the wrong shape: expected [*, *] found [4]");
  for (const auto dtype : {at::kBFloat16, at::kInt}) {
    expect_error<ShapeError>(
        [&] {
          find_topk(at::zeros({4, 2}, dtype), 1);
        },
        "score_TE has the wrong dtype: expected one of Float Double found " +
            std::string(c10::toString(dtype)));
  }
}

TEST(TopkTest, RefusesKOutsideItsRange) {
  expect_error<ShapeError>(
      [] {
        find_topk(at::zeros({4, 2}), 0);
      },
      "K must be from 1 to E: K=0 E=2");
  expect_error<ShapeError>(
      [] {
        find_topk(at::zeros({4, 2}), 3);
      },
      "K must be from 1 to E: K=3 E=2");
}

}  // namespace
}  // namespace hecaton::kernels
