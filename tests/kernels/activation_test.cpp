// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/activation.h"

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/shapes.h"
#include "tests/kernels/device_under_test.h"
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

constexpr Activation kActivations[] = {
    Activation::kSwiGlu, Activation::kGeGlu, Activation::kGelu, Activation::kSquaredRelu};
constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf};

// An exponential or erf is good to about 2 epsilon and a handful of products follow, each rounding
// by half an epsilon. 16-bit results are computed in float32 and rounded once, by half an epsilon.
double tolerance_factor(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kDouble ? 6.0 : 0.51;
}

struct BackwardInputs {
  at::Tensor z_RG;
  at::Tensor da_RF;
  at::Tensor score_R;
};

BackwardInputs random_inputs(int64_t R, int64_t F, at::ScalarType dtype, Activation activation) {
  return {random_tensor({R, projection_width(activation, F)}, dtype, "z") * 2.0,
          random_tensor({R, F}, dtype, "da"),
          random_tensor({R}, accumulation_dtype(dtype), "score")};
}

at::Tensor forward(const at::Tensor& z_RG, Activation activation) {
  return activation_forward(on_device(z_RG), activation).cpu();
}

ActivationGrads backward(const at::Tensor& z_RG,
                         const at::Tensor& da_RF,
                         const at::Tensor& score_R,
                         Activation activation) {
  const ActivationGrads grads =
      activation_backward(on_device(z_RG), on_device(da_RF), on_device(score_R), activation);
  return {grads.dz_RG.cpu(), grads.a_RF.cpu(), grads.dscore_R.cpu()};
}

ActivationGrads backward(const BackwardInputs& inputs, Activation activation) {
  return backward(inputs.z_RG, inputs.da_RF, inputs.score_R, activation);
}

void expect_bitwise_equal_grads(const ActivationGrads& actual, const ActivationGrads& expected) {
  expect_bitwise_equal(actual.dz_RG, expected.dz_RG);
  expect_bitwise_equal(actual.a_RF, expected.a_RF);
  expect_bitwise_equal(actual.dscore_R, expected.dscore_R);
}

/// Calls body(inputs, activation) for every activation, dtype and odd size.
template <typename Body>
void for_each_input(const Body& body) {
  for (const Activation activation : kActivations) {
    for (const at::ScalarType dtype : kDtypes) {
      SCOPED_TRACE(activation_name(activation) + " " + c10::toString(dtype));
      for (const int64_t size : kSizes) {
        body(random_inputs(size, 9, dtype, activation), activation);
        body(random_inputs(5, size, dtype, activation), activation);
      }
    }
  }
}

TEST(ActivationTest, MeetsItsDefinitionAtKnownPoints) {
  // silu(2) = 2 / (1 + e^-2); gelu(1) = (1 + erf(1 / sqrt 2)) / 2.
  constexpr double kSilu2 = 1.7615941559557649;
  constexpr double kGelu1 = 0.8413447460685429;
  constexpr double kFewUlps = 4e-15;  // exp and erf of CPU and GPU differ by one or two
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const auto value_of = [&](const std::vector<double>& z, Activation activation) {
    return forward(at::tensor(z, options).unsqueeze(0), activation).item<double>();
  };
  EXPECT_NEAR(value_of({2.0, 3.0}, Activation::kSwiGlu), 3.0 * kSilu2, kFewUlps);
  EXPECT_NEAR(value_of({1.0, 3.0}, Activation::kGeGlu), 3.0 * kGelu1, kFewUlps);
  EXPECT_NEAR(value_of({1.0}, Activation::kGelu), kGelu1, kFewUlps);
  EXPECT_EQ(value_of({3.0}, Activation::kSquaredRelu), 9.0);
  EXPECT_EQ(value_of({-3.0}, Activation::kSquaredRelu), 0.0);
}

TEST(ActivationTest, ForwardMeetsTheReference) {
  for_each_input([](const BackwardInputs& inputs, Activation activation) {
    expect_close(forward(inputs.z_RG, activation),
                 activation_forward_ref(inputs.z_RG, activation),
                 tolerance_factor(inputs.z_RG.scalar_type()));
  });
}

TEST(ActivationTest, BackwardMeetsTheReference) {
  for_each_input([](const BackwardInputs& inputs, Activation activation) {
    const ActivationGrads actual = backward(inputs, activation);
    const ActivationGrads reference =
        activation_backward_ref(inputs.z_RG, inputs.da_RF, inputs.score_R, activation);
    const double factor = tolerance_factor(inputs.z_RG.scalar_type());
    expect_close(actual.dz_RG, reference.dz_RG, factor);
    expect_close(actual.a_RF, reference.a_RF, factor);
    // Never rounded to 16 bits; each of the F sums rounds a partial sum by half an epsilon.
    const auto F = static_cast<double>(inputs.da_RF.size(1));
    expect_close(actual.dscore_R, reference.dscore_R, 6.0 + F);
  });
}

TEST(ActivationTest, BackwardIsTheDerivativeOfTheScoredForward) {
  for (const Activation activation : kActivations) {
    SCOPED_TRACE(activation_name(activation));
    const BackwardInputs inputs = random_inputs(3, 4, at::kDouble, activation);
    testing::expect_adjoint(
        [&](const Tensors& in) { return in[1].unsqueeze(1) * forward(in[0], activation); },
        [&](const Tensors& in, const at::Tensor& da_RF) {
          const ActivationGrads grads = backward(in[0], da_RF, in[1], activation);
          return Tensors{grads.dz_RG, grads.dscore_R};
        },
        {inputs.z_RG, inputs.score_R});
  }
}

TEST(ActivationTest, StaysFiniteForLargePreActivations) {
  const at::Tensor z_RG = at::tensor({-1e4, -100.0, 100.0, 1e4}).to(at::kFloat).view({2, 2});
  for (const Activation activation : kActivations) {
    SCOPED_TRACE(activation_name(activation));
    const at::Tensor da_RF = at::ones({2, is_gated(activation) ? 1 : 2});
    const ActivationGrads grads = backward(z_RG, da_RF, at::ones({2}), activation);
    const ActivationGrads reference =
        activation_backward_ref(z_RG, da_RF, at::ones({2}), activation);
    expect_close(forward(z_RG, activation), reference.a_RF, 6.0);
    expect_close(grads.dz_RG, reference.dz_RG, 6.0);
    expect_close(grads.dscore_R, reference.dscore_R, 6.0);
  }
}

TEST(ActivationTest, ARowDependsOnItselfAlone) {
  for (const Activation activation : kActivations) {
    const BackwardInputs inputs = random_inputs(33, 9, at::kBFloat16, activation);
    const ActivationGrads whole = backward(inputs, activation);
    const ActivationGrads part = backward(
        {inputs.z_RG.narrow(0, 5, 4), inputs.da_RF.narrow(0, 5, 4), inputs.score_R.narrow(0, 5, 4)},
        activation);
    expect_bitwise_equal_grads(
        part,
        {whole.dz_RG.narrow(0, 5, 4), whole.a_RF.narrow(0, 5, 4), whole.dscore_R.narrow(0, 5, 4)});
    expect_bitwise_equal(forward(inputs.z_RG.narrow(0, 5, 4), activation),
                         forward(inputs.z_RG, activation).narrow(0, 5, 4));
  }
}

TEST(ActivationTest, ReadsStridedAndExpandedInputs) {
  for (const Activation activation : kActivations) {
    const int64_t G = projection_width(activation, 4);
    const at::Tensor z_RG = random_tensor({G, 6}, at::kFloat, "z").t();
    const at::Tensor da_RF = at::ones({1, 1}).expand({6, 4});
    const at::Tensor score_R = at::full({1}, 0.5).expand({6});
    expect_bitwise_equal(forward(z_RG, activation), forward(z_RG.contiguous(), activation));
    expect_bitwise_equal_grads(
        backward(z_RG, da_RF, score_R, activation),
        backward(z_RG.contiguous(), da_RF.contiguous(), score_R.contiguous(), activation));
  }
}

TEST(ActivationTest, GivesTheSameBitsForEveryThreadCount) {
  for (const Activation activation : kActivations) {
    const BackwardInputs inputs = random_inputs(1025, 33, at::kFloat, activation);
    testing::expect_same_bits_for_every_thread_count([&] {
      const ActivationGrads grads = backward(inputs, activation);
      return Tensors{forward(inputs.z_RG, activation), grads.dz_RG, grads.a_RF, grads.dscore_R};
    });
  }
}

TEST(ActivationTest, NamesGoBothWays) {
  EXPECT_EQ(activation_name(Activation::kSwiGlu), "swiglu");
  EXPECT_EQ(activation_name(Activation::kGeGlu), "geglu");
  EXPECT_EQ(activation_name(Activation::kGelu), "gelu");
  EXPECT_EQ(activation_name(Activation::kSquaredRelu), "relu2");
  for (const Activation activation : kActivations) {
    EXPECT_EQ(activation_from_name(activation_name(activation)), activation);
  }
}

TEST(ActivationTest, RefusesAnUnknownName) {
  expect_error<ConfigError>(
      [] { activation_from_name("silu"); },
      "unknown activation: expected swiglu, geglu, gelu or relu2, found silu");
}

TEST(ActivationTest, ForwardRefusesAnotherShapeOrDtype) {
  expect_error<ShapeError>([] { forward(at::zeros({4}), Activation::kGelu); },
                           "z_RG has the wrong shape: expected [*, *] found [4]");
  expect_error<ShapeError>(
      [] {
        forward(at::zeros({2, 5}), Activation::kSwiGlu);
      },
      "a gated activation needs an even width: G=5");
  expect_error<ShapeError>(
      [] {
        forward(at::zeros({2, 4}, at::kInt), Activation::kGelu);
      },
      "z_RG has the wrong dtype: expected one of Float Double BFloat16 Half found Int");
}

TEST(ActivationTest, BackwardRefusesAnotherShapeOrDtype) {
  const auto options = at::TensorOptions().dtype(at::kBFloat16);
  const at::Tensor z_RG = at::zeros({2, 6}, options);
  const at::Tensor da_RF = at::zeros({2, 3}, options);
  const at::Tensor score_R = at::ones({2});
  const auto refuses = [](const BackwardInputs& inputs, const std::string& text) {
    expect_error<ShapeError>([&] { backward(inputs, Activation::kSwiGlu); }, text);
  };
  refuses({at::zeros({6}), da_RF, score_R}, "z_RG has the wrong shape");
  refuses({at::zeros({2, 5}, options), da_RF, score_R}, "needs an even width: G=5");
  refuses({z_RG.to(at::kInt), da_RF.to(at::kInt), score_R}, "z_RG has the wrong dtype");
  refuses({z_RG, at::zeros({2, 6}, options), score_R},
          "da_RF has the wrong shape: expected [2, 3] found [2, 6]");
  refuses({z_RG, da_RF.to(at::kFloat), score_R},
          "da_RF has the wrong dtype: expected BFloat16 found Float");
  refuses({z_RG, da_RF, at::ones({3})}, "score_R has the wrong shape: expected [2] found [3]");
  refuses({z_RG, da_RF, score_R.to(at::kDouble)},
          "score_R has the wrong dtype: expected Float found Double");
}

}  // namespace
}  // namespace hecaton::kernels
