// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/muon.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::optim {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;

constexpr double kDoubleFactor = 1e-12 / std::numeric_limits<double>::epsilon();

using Matrix = std::vector<std::vector<double>>;

Matrix matrix_of(const at::Tensor& tensor) {
  Matrix matrix;
  for (int64_t i = 0; i < tensor.size(0); ++i) {
    matrix.emplace_back();
    for (int64_t j = 0; j < tensor.size(1); ++j) {
      matrix.back().push_back(tensor[i][j].item<double>());
    }
  }
  return matrix;
}

at::Tensor tensor_of(const Matrix& matrix) {
  at::Tensor tensor =
      at::zeros({static_cast<int64_t>(matrix.size()), static_cast<int64_t>(matrix.front().size())},
                at::TensorOptions().dtype(at::kDouble));
  double* next = tensor.data_ptr<double>();
  for (const std::vector<double>& row : matrix) {
    next = std::copy(row.begin(), row.end(), next);
  }
  return tensor;
}

/// x x^T y, number by number.
Matrix gram_times(const Matrix& x, const Matrix& y) {
  Matrix result(x.size(), std::vector<double>(y.front().size()));
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t k = 0; k < x.size(); ++k) {
      double gram = 0.0;
      for (size_t j = 0; j < x[i].size(); ++j) {
        gram += x[i][j] * x[k][j];
      }
      for (size_t j = 0; j < y[k].size(); ++j) {
        result[i][j] += gram * y[k][j];
      }
    }
  }
  return result;
}

/// The formula of the header for one matrix, without transposing a tall one.
Matrix reference_orthogonalized(Matrix x) {
  double square = 0.0;
  for (const auto& row : x) {
    for (const double value : row) {
      square += value * value;
    }
  }
  for (auto& row : x) {
    for (double& value : row) {
      value /= std::sqrt(square) + 1e-7;
    }
  }
  for (int step = 0; step < 5; ++step) {
    const Matrix cube = gram_times(x, x);
    const Matrix fifth = gram_times(x, cube);
    for (size_t i = 0; i < x.size(); ++i) {
      for (size_t j = 0; j < x[i].size(); ++j) {
        x[i][j] = 3.4445 * x[i][j] - 4.7750 * cube[i][j] + 2.0315 * fifth[i][j];
      }
    }
  }
  return x;
}

TEST(OrthogonalizedTest, EqualsItsFormulaForEveryMatrixOfABatch) {
  for (const auto& [rows, columns] :
       std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {1, 5}, {5, 1}, {3, 3}, {4, 7}, {7, 4}}) {
    SCOPED_TRACE(std::to_string(rows) + " by " + std::to_string(columns));
    const at::Tensor x = random_tensor({3, rows, columns}, at::kDouble, "x");
    const at::Tensor actual = orthogonalized(x);
    const at::Tensor actual32 = orthogonalized(x.to(at::kFloat));
    for (int64_t b = 0; b < 3; ++b) {
      const at::Tensor expected = tensor_of(reference_orthogonalized(matrix_of(x[b])));
      expect_close(actual[b], expected, kDoubleFactor);
      // Five steps lift the rounding of a small singular value by up to 3.4445^5 = 485.
      expect_close(actual32[b], expected, 500);
    }
  }
}

TEST(OrthogonalizedTest, MovesSingularValuesCloseToOne) {
  const at::Tensor x = random_tensor({4, 8, 20}, at::kDouble, "x") * 1e-3;
  const at::Tensor values = at::linalg_svdvals(orthogonalized(x));
  EXPECT_GT(values.min().item<double>(), 0.65);
  EXPECT_LT(values.max().item<double>(), 1.15);
}

TEST(OrthogonalizedTest, LeavesZerosAndItsInputAlone) {
  at::Tensor x = random_tensor({2, 3, 4}, at::kDouble, "x");
  x[0].zero_();
  const at::Tensor before = x.clone();
  const at::Tensor result = orthogonalized(x);
  expect_bitwise_equal(x, before);
  expect_bitwise_equal(result[0], at::zeros({3, 4}, x.options()));
  expect_close(result[1], orthogonalized(x.narrow(0, 1, 1))[0], kDoubleFactor);
}

/// Gate and up of two experts, a tall projection of each, and q, k, v in one tensor.
std::vector<Parameter> hidden_parameters(at::ScalarType dtype) {
  Parameter up;
  up.name = "up";
  up.tensor = random_tensor({2, 6, 4}, dtype, "up");
  for (int64_t l = 0; l < 2; ++l) {
    up.slices.push_back({"gate " + std::to_string(l), {3, 4}, 24 * l});
    up.slices.push_back({"up " + std::to_string(l), {3, 4}, 24 * l + 12});
  }
  Parameter down =
      whole_parameter("down", random_tensor({5, 2}, dtype, "down"), DecayClass::kDecay);
  Parameter qkv;
  qkv.name = "qkv";
  qkv.tensor = random_tensor({8, 3}, dtype, "qkv");
  qkv.slices = {{"q", {4, 3}, 0}, {"k", {2, 3}, 12}, {"v", {2, 3}, 18}};
  std::vector<Parameter> parameters = {up, down, qkv};
  for (Parameter& parameter : parameters) {
    parameter.is_hidden_matrix = true;
  }
  return parameters;
}

at::Tensor grad_of_step(const Parameter& parameter, int64_t step) {
  return random_tensor(
      parameter.tensor.sizes(), at::kDouble, parameter.name + " step " + std::to_string(step));
}

/// Three steps of Muon, and of its formula slice by slice with the slow iteration.
void expect_equals_reference(at::ScalarType dtype, double factor) {
  const MuonConfig config{.momentum = 0.9, .adamw = {.weight_decay = 0.3}};
  const double lr = 0.05;
  const std::vector<Parameter> parameters = hidden_parameters(dtype);
  std::vector<at::Tensor> weight64;
  std::vector<at::Tensor> momentum64;
  for (const Parameter& parameter : parameters) {
    weight64.push_back(parameter.tensor.to(at::kDouble).clone());
    momentum64.push_back(at::zeros(parameter.tensor.sizes(), weight64.back().options()));
  }
  FlatParameters flat(parameters);
  Muon muon(flat, config);
  for (int64_t step = 0; step < 3; ++step) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      const at::Tensor grad = grad_of_step(parameters[i], step);
      flat.grad_of(parameters[i].tensor).copy_(grad);
      momentum64[i] = config.momentum * momentum64[i] + grad;
      const at::Tensor direction = (grad + config.momentum * momentum64[i]).contiguous();
      for (const NamedSlice& slice : parameters[i].slices) {
        const at::Tensor update =
            tensor_of(reference_orthogonalized(matrix_of(slice_view(direction, slice))));
        const auto longer = static_cast<double>(std::max(slice.shape[0], slice.shape[1]));
        at::Tensor weight = slice_view(weight64[i], slice);
        weight.copy_(weight * (1.0 - lr * 0.3) - update * (lr * 0.2 * std::sqrt(longer)));
      }
    }
    muon.step(lr);
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    SCOPED_TRACE(parameters[i].name);
    const auto idx = static_cast<int64_t>(i);
    expect_close(flat.groups()[0].master.view(idx), weight64[i], factor);
    expect_close(muon.states()[0].buffer.view(idx), momentum64[i], factor);
  }
}

TEST(MuonTest, EqualsItsFormulaSliceBySlice) {
  expect_equals_reference(at::kDouble, kDoubleFactor);
  // The update is a fifth of the weight at most, and its rounding is lifted by up to 485.
  expect_equals_reference(at::kFloat, 300);
  expect_equals_reference(at::kBFloat16, 300);  // masters and momentum are float32
}

TEST(MuonTest, RoundsTheMastersIntoBfloat16Parameters) {
  const std::vector<Parameter> parameters = hidden_parameters(at::kBFloat16);
  FlatParameters flat(parameters);
  Muon muon(flat, {});
  for (const Parameter& parameter : parameters) {
    flat.grad_of(parameter.tensor).copy_(grad_of_step(parameter, 0));
  }
  muon.step(/*lr=*/0.01);
  EXPECT_EQ(flat.groups()[0].master.flat_Z().scalar_type(), at::kFloat);
  for (size_t i = 0; i < parameters.size(); ++i) {
    expect_bitwise_equal(parameters[i].tensor,
                         flat.groups()[0].master.view(static_cast<int64_t>(i)).to(at::kBFloat16));
  }
}

TEST(MuonTest, AnUpdateHasTheSizeOfAdamWs) {
  Parameter parameter = whole_parameter("w", at::zeros({64, 256}), DecayClass::kDecay);
  parameter.is_hidden_matrix = true;
  FlatParameters flat({parameter});
  Muon muon(flat, {});
  flat.grad_of(parameter.tensor).copy_(random_tensor({64, 256}, at::kFloat, "grad"));
  muon.step(/*lr=*/1.0);
  // 64 singular values near 1 spread over 64 * 256 numbers, times 0.2 * sqrt(256).
  const double size = std::sqrt(parameter.tensor.square().mean().item<double>());
  EXPECT_NEAR(size, 0.2, 0.2 * 0.15);
}

TEST(MuonTest, AnExpertDoesNotSeeItsNeighbours) {
  const auto updated = [](double other_grad) {
    const std::vector<Parameter> parameters = hidden_parameters(at::kDouble);
    FlatParameters flat(parameters);
    Muon muon(flat, {});
    at::Tensor grad = flat.grad_of(parameters[0].tensor);
    grad[0].copy_(random_tensor({6, 4}, at::kDouble, "grad"));
    grad[1].fill_(other_grad);
    muon.step(/*lr=*/0.1);
    return parameters[0].tensor[0].clone();
  };
  expect_bitwise_equal(updated(3.0), updated(-0.5));
}

TEST(MuonTest, RefusesWhatItCannotTrain) {
  FlatParameters flat(hidden_parameters(at::kFloat));
  const MuonConfig wrong{.momentum = 1.0, .adamw = {.eps = 0.0}};
  for (const char* fault : {"optimizer.momentum = 1: must be in [0, 1)",
                            "optimizer.eps = 0: must be finite and above 0"}) {
    expect_error<ConfigError>([&] { Muon muon(flat, wrong); }, fault);
  }
  expect_error<ConfigError>([] { MuonConfig{.momentum = NAN}.validate(); }, "momentum = nan");
  Parameter vector = whole_parameter("bias", at::zeros({3}), DecayClass::kDecay);
  vector.is_hidden_matrix = true;
  FlatParameters vectors({vector});
  expect_error<ConfigError>(
      [&] { Muon muon(vectors, {}); },
      "optimizer.type = muon: bias is a hidden matrix and must have 2 dims, found 1");
}

}  // namespace
}  // namespace hecaton::optim
