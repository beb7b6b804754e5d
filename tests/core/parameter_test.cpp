// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/parameter.h"

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::test_seed;

constexpr int64_t kF = 5;
constexpr int64_t kD = 3;

std::string matrix_name(int64_t expert, const std::string& matrix) {
  return "layers.0.mlp.experts." + std::to_string(expert) + "." + matrix + ".weight";
}

/// Gate and up matrices of `experts`, in this order, in one tensor [L, 2F, D].
Parameter fused_parameter(const std::vector<int64_t>& experts,
                          const std::vector<std::string>& matrices,
                          at::ScalarType dtype) {
  const auto L = static_cast<int64_t>(experts.size());
  Parameter parameter;
  parameter.name = "fused";
  parameter.tensor = at::zeros({L, 2 * kF, kD}, at::TensorOptions().dtype(dtype));
  parameter.tensor.set_requires_grad(true);
  int64_t offset = 0;
  for (const int64_t expert : experts) {
    for (const std::string& matrix : matrices) {
      parameter.slices.push_back({matrix_name(expert, matrix), {kF, kD}, offset});
      offset += kF * kD;
    }
  }
  return parameter;
}

at::Tensor named_value(const Parameter& parameter, const std::string& name) {
  for (const NamedSlice& slice : parameter.slices) {
    if (slice.name == name) {
      return slice_view(parameter.tensor.detach(), slice);
    }
  }
  return {};
}

TEST(ParameterTest, WholeParameterIsItsOwnOnlySlice) {
  const at::Tensor tensor = at::zeros({4, 3});
  const Parameter parameter =
      whole_parameter("norm.weight", tensor, DecayClass::kNoDecay, {.std_dev = 0.5});
  EXPECT_EQ(parameter.name, "norm.weight");
  EXPECT_TRUE(parameter.tensor.is_same(tensor));
  EXPECT_EQ(parameter.replicas, ReplicaAxis::kDense);
  EXPECT_EQ(parameter.decay, DecayClass::kNoDecay);
  EXPECT_EQ(parameter.initial.std_dev, 0.5);
  ASSERT_EQ(parameter.slices.size(), 1U);
  EXPECT_EQ(parameter.slices[0].name, "norm.weight");
  EXPECT_EQ(parameter.slices[0].shape, (std::vector<int64_t>{4, 3}));
  EXPECT_EQ(parameter.slices[0].offset, 0);
  EXPECT_NO_THROW(check_parameters({parameter}));
}

TEST(ParameterTest, SliceIsAViewAtItsOffset) {
  at::Tensor stored = at::zeros({2, 6});
  const at::Tensor view = slice_view(stored, {"up", {2, 2}, 7});
  view.fill_(1.0);
  EXPECT_EQ(view.sizes(), (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(stored.sum().item<double>(), 4.0);
  EXPECT_EQ(stored[1].narrow(0, 1, 4).sum().item<double>(), 4.0);
}

TEST(ParameterTest, SliceOfAStridedTensorIsRefused) {
  const at::Tensor strided = at::zeros({2, 6}).t();
  expect_error<InternalError>(
      [&] {
        slice_view(strided, {"up", {2, 2}, 0});
      },
      "a stored tensor must be contiguous");
}

TEST(ParameterTest, InitialValuesFollowTheGlobalNameInEveryLayout) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const Parameter one_rank = fused_parameter({0, 1, 2}, {"gate_proj", "up_proj"}, dtype);
    Parameter other_rank = fused_parameter({2, 1}, {"up_proj", "gate_proj"}, dtype);
    other_rank.name = "stored under another name";
    initialize_parameters({one_rank}, test_seed());
    initialize_parameters({other_rank}, test_seed());
    for (const int64_t expert : {1, 2}) {
      for (const char* matrix : {"gate_proj", "up_proj"}) {
        const std::string name = matrix_name(expert, matrix);
        expect_bitwise_equal(named_value(one_rank, name), named_value(other_rank, name));
      }
    }
  }
}

TEST(ParameterTest, InitialValuesDifferByNameAndSeed) {
  const Parameter parameter = fused_parameter({0, 1}, {"gate_proj", "up_proj"}, at::kFloat);
  initialize_parameters({parameter}, test_seed());
  const at::Tensor first = parameter.tensor.detach().clone();
  EXPECT_FALSE(at::equal(first[0], first[1]));
  EXPECT_FALSE(at::equal(first[0].narrow(0, 0, kF), first[0].narrow(0, kF, kF)));
  initialize_parameters({parameter}, test_seed() + 1);
  EXPECT_FALSE(at::equal(first, parameter.tensor));
}

TEST(ParameterTest, InitialValuesMayBeOnesOrThoseOfTheModule) {
  for (const auto kind : {InitialValue::Kind::kOnes, InitialValue::Kind::kKept}) {
    const at::Tensor weight = at::full({7}, 3.0);
    initialize_parameters({whole_parameter("norm", weight, DecayClass::kNoDecay, {.kind = kind})},
                          test_seed());
    expect_bitwise_equal(weight, at::full({7}, kind == InitialValue::Kind::kOnes ? 1.0 : 3.0));
  }
}

TEST(ParameterTest, StandardDeviationScalesTheValues) {
  const at::Tensor narrow = at::zeros({1000}, at::TensorOptions().dtype(at::kDouble));
  const at::Tensor wide = at::zeros({1000}, at::TensorOptions().dtype(at::kDouble));
  initialize_parameters({whole_parameter("w", narrow, DecayClass::kDecay, {.std_dev = 0.25})},
                        test_seed());
  initialize_parameters({whole_parameter("w", wide, DecayClass::kDecay, {.std_dev = 0.5})},
                        test_seed());
  expect_bitwise_equal(wide, narrow * 2);
  // Standard deviation of a sample's deviation: 0.25 / sqrt(2 * 1000) = 0.0056; 5 of them.
  EXPECT_NEAR(narrow.std().item<double>(), 0.25, 0.028);
}

TEST(ParameterTest, SlicesThatCoverTheTensorAreAccepted) {
  EXPECT_NO_THROW(check_parameters({fused_parameter({0, 1}, {"gate_proj", "up_proj"}, at::kFloat),
                                    fused_parameter({2}, {"gate_proj", "up_proj"}, at::kFloat)}));
}

TEST(ParameterTest, RefusesAGapBetweenSlices) {
  Parameter parameter = fused_parameter({0}, {"gate_proj", "up_proj"}, at::kFloat);
  parameter.slices[1].offset += 1;
  expect_error<InternalError>([&] { check_parameters({parameter}); },
                              "slices of fused must follow each other: slice.offset=16 end=15");
}

TEST(ParameterTest, RefusesOverlappingSlices) {
  Parameter parameter = fused_parameter({0}, {"gate_proj", "up_proj"}, at::kFloat);
  parameter.slices[1].offset -= 1;
  expect_error<InternalError>([&] { check_parameters({parameter}); },
                              "slices of fused must follow each other: slice.offset=14 end=15");
}

TEST(ParameterTest, RefusesSlicesThatLeaveAnEndUncovered) {
  Parameter parameter = fused_parameter({0}, {"gate_proj", "up_proj"}, at::kFloat);
  parameter.slices.pop_back();
  expect_error<InternalError>([&] { check_parameters({parameter}); },
                              "slices must cover fused: end=15 parameter.tensor.numel()=30");
}

TEST(ParameterTest, RefusesANameUsedTwice) {
  const Parameter parameter = fused_parameter({3}, {"gate_proj", "up_proj"}, at::kFloat);
  expect_error<InternalError>(
      [&] {
        check_parameters({parameter, parameter});
      },
      "parameter name used twice: layers.0.mlp.experts.3.gate_proj.weight");
}

}  // namespace
}  // namespace hecaton
