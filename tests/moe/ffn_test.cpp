// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/ffn.h"

#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"

namespace hecaton::moe {
namespace {

using kernels::Activation;
using testing::expect_error;
using testing::expect_gradients;
using testing::random_tensor;

TEST(FfnTest, GradientsMatchTheNumericJacobian) {
  for (const Activation activation :
       {Activation::kSwiGlu, Activation::kGeGlu, Activation::kGelu, Activation::kSquaredRelu}) {
    SCOPED_TRACE(kernels::activation_name(activation));
    Ffn ffn(3, 2, activation, at::kDouble);
    fill_randomly(*ffn);
    std::vector<at::Tensor> inputs = ffn->parameters();
    inputs.insert(inputs.begin(), random_tensor({4, 3}, at::kDouble, "x"));
    expect_gradients([&](const std::vector<at::Tensor>& values) { return ffn->forward(values[0]); },
                     inputs);
  }
}

TEST(FfnTest, RefusesToBeDifferentiatedTwice) {
  Ffn ffn(3, 2, Activation::kSwiGlu, at::kDouble);
  const at::Tensor x_TD = random_tensor({4, 3}, at::kDouble, "x").requires_grad_();
  const at::Tensor y_TD = ffn->forward(x_TD);
  expect_error<InternalError>(
      [&] { torch::autograd::grad({y_TD.sum()}, {x_TD}, {}, true, /*create_graph=*/true); },
      "a feed-forward network can be differentiated once, not twice");
}

TEST(FfnTest, NamesItsMatrices) {
  for (const bool is_gated : {false, true}) {
    Ffn ffn(3, 2, is_gated ? Activation::kGeGlu : Activation::kGelu);
    const std::vector<Parameter> described = ffn->describe_parameters("mlp");
    check_parameters(described);
    ASSERT_EQ(described[0].slices.size(), is_gated ? 2U : 1U);
    EXPECT_EQ(described[0].slices.back().name, "mlp.up_proj.weight");
    EXPECT_EQ(described[1].slices[0].name, "mlp.down_proj.weight");
  }
}

TEST(FfnTest, RefusesSizesOutOfRange) {
  for (const char* fault : {"ffn.hidden_size = 0: must be at least 1",
                            "ffn.intermediate_size = -1: must be at least 1"}) {
    expect_error<ConfigError>([] { Ffn ffn(0, -1, Activation::kGelu); }, fault);
  }
}

}  // namespace
}  // namespace hecaton::moe
