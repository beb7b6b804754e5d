// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouped_gemm.h"

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/shapes.h"
#include "tests/kernels/routing_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::kernels {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;
using testing::Tensors;
using Counts = std::vector<int64_t>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kDouble, at::kBFloat16};

struct RowsCase {
  std::string name;
  Counts num_rows_L;
};

std::vector<RowsCase> rows_cases() {
  std::vector<RowsCase> cases = {{"first expert empty", {0, 3, 2}},
                                 {"middle expert empty", {3, 0, 2}},
                                 {"last expert empty", {3, 2, 0}},
                                 {"all rows to one expert", {0, 0, 9, 0}},
                                 {"no rows", {0, 0, 0}},
                                 {"no experts", {}}};
  for (const int64_t size : kSizes) {
    cases.push_back({std::to_string(size) + " rows beside one", {size, 1}});
  }
  return cases;
}

/// Tensors of a grouped linear layer, and the gradients that reach it.
struct Layer {
  Counts num_rows_L;
  at::Tensor x_RM;
  at::Tensor weight_LNM;
  at::Tensor dy_RN;
};

Layer random_layer(const Counts& num_rows_L, int64_t M, int64_t N, at::ScalarType dtype) {
  const int64_t R = std::accumulate(num_rows_L.begin(), num_rows_L.end(), int64_t{0});
  const auto L = static_cast<int64_t>(num_rows_L.size());
  return {num_rows_L,
          random_tensor({R, M}, dtype, "x"),
          random_tensor({L, N, M}, dtype, "weight"),
          random_tensor({R, N}, dtype, "dy")};
}

at::Tensor zero_grad(const Layer& layer) {
  return at::zeros(layer.weight_LNM.sizes(),
                   at::TensorOptions().dtype(accumulation_dtype(layer.x_RM.scalar_type())));
}

at::Tensor weight_grad(const Layer& layer) {
  at::Tensor grad_LNM = zero_grad(layer);
  grouped_gemm_weight_grad(layer.dy_RN, layer.x_RM, layer.num_rows_L, grad_LNM);
  return grad_LNM;
}

at::Tensor weight_grad_ref(const Layer& layer) {
  at::Tensor grad_LNM = zero_grad(layer).to(at::kDouble);
  grouped_gemm_weight_grad_ref(layer.dy_RN, layer.x_RM, layer.num_rows_L, grad_LNM);
  return grad_LNM;
}

// Each of `num_terms` sums rounds by half an epsilon of a partial sum, which is not much larger
// than the largest result. A bfloat16 result is summed in float32 and rounded once, by half an
// epsilon.
double tolerance_factor(at::ScalarType dtype, int64_t num_terms) {
  return dtype == at::kBFloat16 ? 0.51 : 2.0 + static_cast<double>(num_terms);
}

void expect_meets_reference(const Layer& layer) {
  const at::ScalarType dtype = layer.x_RM.scalar_type();
  const int64_t N = layer.weight_LNM.size(1);
  const int64_t M = layer.weight_LNM.size(2);
  expect_close(grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L),
               grouped_gemm_ref(layer.x_RM, layer.weight_LNM, layer.num_rows_L),
               tolerance_factor(dtype, M));
  expect_close(grouped_gemm_input_grad(layer.dy_RN, layer.weight_LNM, layer.num_rows_L),
               grouped_gemm_input_grad_ref(layer.dy_RN, layer.weight_LNM, layer.num_rows_L),
               tolerance_factor(dtype, N));
  // The gradient is float32 where its one product was rounded to bfloat16: epsilons 2^16 apart.
  const double scale = dtype == at::kBFloat16 ? 0x1p16 : 1.0;
  expect_close(weight_grad(layer),
               weight_grad_ref(layer),
               tolerance_factor(dtype, layer.x_RM.size(0)) * scale);
}

TEST(GroupedGemmTest, MeetsTheReference) {
  for (const RowsCase& rows : rows_cases()) {
    for (const at::ScalarType dtype : kDtypes) {
      SCOPED_TRACE(rows.name + " " + c10::toString(dtype));
      expect_meets_reference(random_layer(rows.num_rows_L, 6, 5, dtype));
    }
  }
}

TEST(GroupedGemmTest, MeetsTheReferenceForEveryWidth) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const int64_t size : kSizes) {
      SCOPED_TRACE(std::string(c10::toString(dtype)) + " width " + std::to_string(size));
      expect_meets_reference(random_layer({3, 0, 2}, size, 5, dtype));
      expect_meets_reference(random_layer({3, 0, 2}, 5, size, dtype));
    }
  }
}

TEST(GroupedGemmTest, GradientsAreTheDerivativesOfForward) {
  const Counts num_rows_L = {2, 0, 3};
  const Layer layer = random_layer(num_rows_L, 3, 4, at::kDouble);
  testing::expect_adjoint(
      [&](const Tensors& in) { return grouped_gemm(in[0], in[1], num_rows_L); },
      [&](const Tensors& in, const at::Tensor& dy_RN) {
        at::Tensor grad_LNM = at::zeros_like(in[1]);
        grouped_gemm_weight_grad(dy_RN, in[0], num_rows_L, grad_LNM);
        return Tensors{grouped_gemm_input_grad(dy_RN, in[1], num_rows_L), grad_LNM};
      },
      {layer.x_RM, layer.weight_LNM});
}

TEST(GroupedGemmTest, WeightGradientAccumulates) {
  for (const at::ScalarType dtype : kDtypes) {
    SCOPED_TRACE(c10::toString(dtype));
    const Layer layer = random_layer({3, 0, 4}, 6, 5, dtype);
    const at::Tensor once_LNM = weight_grad(layer);
    at::Tensor twice_LNM = once_LNM.clone();
    grouped_gemm_weight_grad(layer.dy_RN, layer.x_RM, layer.num_rows_L, twice_LNM);
    // In float32 also for bfloat16 rows: the same product is added without a loss.
    expect_close(twice_LNM, 2.0 * once_LNM.to(at::kDouble), 6.0);
  }
}

TEST(GroupedGemmTest, LeavesTheGradientOfAnEmptyExpertUntouched) {
  for (const at::ScalarType dtype : kDtypes) {
    const Layer layer = random_layer({3, 0, 4}, 6, 5, dtype);
    at::Tensor grad_LNM = zero_grad(layer);
    grad_LNM[1].fill_(-0.0);  // adding 0 to it would show
    const at::Tensor before_NM = grad_LNM[1].clone();
    grouped_gemm_weight_grad(layer.dy_RN, layer.x_RM, layer.num_rows_L, grad_LNM);
    expect_bitwise_equal(grad_LNM[1], before_NM);
  }
}

TEST(GroupedGemmTest, ReadsNothingBeyondItsRowsAndExperts) {
  // The rows stand in the middle of a larger buffer of NaN, and the empty expert's weights are NaN.
  for (const at::ScalarType dtype : kDtypes) {
    SCOPED_TRACE(c10::toString(dtype));
    Layer layer = random_layer({3, 0, 4}, 6, 5, dtype);
    const Tensors expected = {
        grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L),
        grouped_gemm_input_grad(layer.dy_RN, layer.weight_LNM, layer.num_rows_L),
        weight_grad(layer)};
    for (at::Tensor* rows : {&layer.x_RM, &layer.dy_RN}) {
      const at::Tensor buffer = at::full({20, rows->size(1)}, kNan, rows->options());
      buffer.narrow(0, 8, 7).copy_(*rows);
      *rows = buffer.narrow(0, 8, 7);
    }
    layer.weight_LNM[1].fill_(kNan);
    expect_bitwise_equal(grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L), expected[0]);
    expect_bitwise_equal(grouped_gemm_input_grad(layer.dy_RN, layer.weight_LNM, layer.num_rows_L),
                         expected[1]);
    expect_bitwise_equal(weight_grad(layer), expected[2]);
  }
}

TEST(GroupedGemmTest, ReadsStridedAndExpandedInputs) {
  for (const at::ScalarType dtype : kDtypes) {
    SCOPED_TRACE(c10::toString(dtype));
    const auto options = at::TensorOptions().dtype(dtype);
    Layer layer = random_layer({3, 0, 4}, 6, 5, dtype);
    layer.dy_RN = at::ones({1, 1}, options).expand({7, 5});
    expect_meets_reference(layer);
    layer.x_RM = random_tensor({6, 7}, dtype, "x").t();
    layer.dy_RN = random_tensor({5, 7}, dtype, "dy").t();
    layer.weight_LNM = random_tensor({3, 6, 5}, dtype, "weight").transpose(1, 2);
    expect_meets_reference(layer);
  }
}

TEST(GroupedGemmTest, RecordsNoGraphForWeightsThatRequireGrad) {
  Layer layer = random_layer({3, 0, 4}, 6, 5, at::kFloat);
  const at::Tensor expected_RN = grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L);
  layer.weight_LNM.set_requires_grad(true);
  const at::Tensor y_RN = grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L);
  EXPECT_FALSE(y_RN.requires_grad());
  expect_bitwise_equal(y_RN, expected_RN);
}

TEST(GroupedGemmTest, GivesTheSameBitsForEveryThreadCount) {
  // Few rows with long sums, one expert with nearly all rows, and one expert alone: there a library
  // that may use more threads cuts its sums differently.
  struct Case {
    Counts num_rows_L;
    int64_t M;
    int64_t N;
  };
  for (const at::ScalarType dtype : kDtypes) {
    for (const Case& sizes : {Case{{16, 1, 0, 5}, 2048, 64},
                              Case{{16, 1, 0, 5}, 16, 4096},
                              Case{{1000, 1, 5, 0}, 512, 96},
                              Case{{2048}, 256, 65}}) {
      SCOPED_TRACE(std::string(c10::toString(dtype)) + " M=" + std::to_string(sizes.M));
      const Layer layer = random_layer(sizes.num_rows_L, sizes.M, sizes.N, dtype);
      testing::expect_same_bits_for_every_thread_count([&] {
        return Tensors{grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L),
                       grouped_gemm_input_grad(layer.dy_RN, layer.weight_LNM, layer.num_rows_L),
                       weight_grad(layer)};
      });
    }
  }
}

TEST(GroupedGemmTest, LeavesTheThreadCountOfTheProcessAlone) {
  const int num_threads = at::get_num_threads();
  const Layer layer = random_layer({3}, 6, 5, at::kFloat);
  grouped_gemm(layer.x_RM, layer.weight_LNM, layer.num_rows_L);
  EXPECT_EQ(at::get_num_threads(), num_threads);
}

TEST(GroupedGemmTest, MeetsTheReferenceAcrossBlocksOfRows) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const int64_t size : {255, 256, 257, 513}) {
      SCOPED_TRACE(std::string(c10::toString(dtype)) + " " + std::to_string(size));
      expect_meets_reference(random_layer({size, 0, 2}, 3, 4, dtype));
      expect_meets_reference(random_layer({2, 1}, 3, size, dtype));
    }
  }
}

TEST(GroupedGemmTest, ForwardRefusesAnotherShapeOrDtype) {
  const Layer layer = random_layer({3, 0, 4}, 6, 5, at::kFloat);
  const auto refuses = [](const at::Tensor& x_RM,
                          const at::Tensor& weight_LNM,
                          const Counts& num_rows_L,
                          const std::string& text) {
    expect_error<ShapeError>([&] { grouped_gemm(x_RM, weight_LNM, num_rows_L); }, text);
  };
  const at::Tensor& x_RM = layer.x_RM;
  const at::Tensor& weight_LNM = layer.weight_LNM;
  refuses(x_RM,
          weight_LNM,
          {3, 4},
          "weight_LNM has the wrong shape: expected [2, *, *] found [3, 5, 6]");
  refuses(at::zeros({7, 5}),
          weight_LNM,
          {3, 0, 4},
          "x_RM has the wrong shape: expected [*, 6] found [7, 5]");
  refuses(x_RM,
          weight_LNM.to(at::kDouble),
          {3, 0, 4},
          "weight_LNM has the wrong dtype: expected Float found Double");
  refuses(x_RM, weight_LNM, {3, 0, 5}, "num_rows_L must sum to the number of rows: sum=8 rows=7");
  refuses(x_RM, weight_LNM, {-1, 4, 4}, "num_rows_L must not be negative: found -1");
  for (const auto dtype : {at::kInt, at::kHalf}) {
    refuses(x_RM.to(dtype),
            weight_LNM.to(dtype),
            {3, 0, 4},
            std::string("x_RM has the wrong dtype: expected one of Float Double BFloat16 found ") +
                c10::toString(dtype));
  }
}

TEST(GroupedGemmTest, InputGradientRefusesAnotherShapeOrDtype) {
  const Layer layer = random_layer({3, 0, 4}, 6, 5, at::kFloat);
  const auto refuses = [](const at::Tensor& dy_RN,
                          const at::Tensor& weight_LNM,
                          const Counts& num_rows_L,
                          const std::string& text) {
    expect_error<ShapeError>([&] { grouped_gemm_input_grad(dy_RN, weight_LNM, num_rows_L); }, text);
  };
  const at::Tensor& dy_RN = layer.dy_RN;
  const at::Tensor& weight_LNM = layer.weight_LNM;
  refuses(dy_RN,
          weight_LNM[0],
          {3, 0, 4},
          "weight_LNM has the wrong shape: expected [3, *, *] found [5, 6]");
  refuses(at::zeros({7, 6}),
          weight_LNM,
          {3, 0, 4},
          "dy_RN has the wrong shape: expected [*, 5] found [7, 6]");
  refuses(dy_RN,
          weight_LNM.to(at::kDouble),
          {3, 0, 4},
          "weight_LNM has the wrong dtype: expected Float found Double");
  refuses(dy_RN, weight_LNM, {3, 0, 5}, "num_rows_L must sum to the number of rows: sum=8 rows=7");
  refuses(dy_RN.to(at::kInt), weight_LNM.to(at::kInt), {3, 0, 4}, "dy_RN has the wrong dtype");
}

TEST(GroupedGemmTest, WeightGradientRefusesAnotherShapeOrDtype) {
  const Layer layer = random_layer({3, 0, 4}, 6, 5, at::kBFloat16);
  const at::Tensor& dy_RN = layer.dy_RN;
  const at::Tensor& x_RM = layer.x_RM;
  const at::Tensor grad_LNM = zero_grad(layer);
  const auto refuses = [&](const at::Tensor& dy,
                           const at::Tensor& x,
                           const at::Tensor& grad,
                           const std::string& text) {
    expect_error<ShapeError>([&] { grouped_gemm_weight_grad(dy, x, {3, 0, 4}, grad); }, text);
  };
  refuses(dy_RN[0], x_RM, grad_LNM, "dy_RN has the wrong shape: expected [*, *] found [5]");
  refuses(dy_RN, x_RM[0], grad_LNM, "x_RM has the wrong shape: expected [7, *] found [6]");
  refuses(dy_RN,
          x_RM.narrow(0, 0, 6),
          grad_LNM,
          "x_RM has the wrong shape: expected [7, *] found [6, 6]");
  refuses(dy_RN,
          x_RM,
          grad_LNM.transpose(1, 2),
          "grad_LNM has the wrong shape: expected [3, 5, 6] found [3, 6, 5]");
  refuses(dy_RN,
          x_RM.to(at::kFloat),
          grad_LNM,
          "x_RM has the wrong dtype: expected BFloat16 found Float");
  refuses(dy_RN,
          x_RM,
          grad_LNM.to(at::kBFloat16),
          "grad_LNM has the wrong dtype: expected Float found BFloat16");
  refuses(dy_RN.narrow(0, 0, 6),
          x_RM.narrow(0, 0, 6),
          grad_LNM,
          "num_rows_L must sum to the number of rows: sum=7 rows=6");
  refuses(dy_RN.to(at::kInt), x_RM.to(at::kInt), grad_LNM, "dy_RN has the wrong dtype");
}

}  // namespace
}  // namespace hecaton::kernels
