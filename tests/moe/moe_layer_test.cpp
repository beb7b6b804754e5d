// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/moe_layer.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Context.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "tests/moe/dense_layer.h"
#include "tests/moe/layer_run.h"
#include "tests/moe/router_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"

namespace hecaton::moe {
namespace {

using kernels::Activation;
using testing::epsilon_of;
using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random_tensor;

void expect_layer_equals_reference(const MoeLayerConfig& config) {
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({11, config.hidden_size}, at::kDouble, "x");
  const NamedTensors leaves = double_leaves(layer);
  const NamedTensors expected =
      run([&](const at::Tensor& leaf) { return dense_layer(config, leaves, leaf); }, x_TD, leaves);
  expect_all_close(run_layer(layer, x_TD), expected, kDoubleFactor);
}

TEST(MoeLayerTest, EqualsTheDenseReferenceForEveryRouter) {
  for (const RouterConfig& router : every_router()) {
    SCOPED_TRACE(text_of(router));
    MoeLayerConfig config = small_config();
    config.router = router;
    expect_layer_equals_reference(config);
  }
}

TEST(MoeLayerTest, EqualsTheDenseReferenceForEveryActivationAndSharedExpert) {
  for (const Activation activation :
       {Activation::kSwiGlu, Activation::kGeGlu, Activation::kGelu, Activation::kSquaredRelu}) {
    for (const int64_t shared_size : {0, 3}) {
      SCOPED_TRACE(kernels::activation_name(activation));
      MoeLayerConfig config = small_config();
      config.activation = activation;
      config.shared_expert_intermediate_size = shared_size;
      expect_layer_equals_reference(config);
    }
  }
}

/// The layer in a narrow dtype beside the reference in float64, on the same weights, tokens and
/// experts. factor: in epsilons of the model's dtype, also where a result is float32.
void expect_close_to_reference(at::ScalarType dtype, double factor) {
  MoeLayerConfig config = small_config(dtype);
  config.hidden_size = 32;
  config.moe_intermediate_size = 24;
  config.shared_expert_intermediate_size = 16;
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({29, config.hidden_size}, dtype, "x");
  layer->forward(x_TD);
  // Recorded once and replayed: near a tie a rounded logit may choose another expert.
  const Routing recorded = layer->last_routing();
  RoutingContext context;
  context.replay = &recorded;
  const NamedTensors actual = run_layer(layer, x_TD, context);

  const NamedTensors leaves = double_leaves(layer);
  const at::Tensor x64_TD = x_TD.to(at::kDouble).requires_grad_();
  const at::Tensor y64_TD = dense_layer(config, leaves, x64_TD, recorded.expert_idx_TK);
  y64_TD.backward(random_tensor(x_TD.sizes(), dtype, "gradient of y").to(at::kDouble));
  NamedTensors expected = take_grads(leaves);
  expected["y"] = y64_TD;
  expected["x"] = x64_TD.grad();
  for (const auto& [name, tensor] : expected) {
    SCOPED_TRACE(name);
    const double epsilons = epsilon_of(dtype) / epsilon_of(actual.at(name).scalar_type());
    expect_close(actual.at(name), tensor, factor * epsilons);
  }
}

TEST(MoeLayerTest, IsCloseToTheReferenceInFloat) {
  // Two chained products of at most 48 terms: their rounding errors add up like sqrt(48), some 7
  // epsilon each; the rest is room for the activation and the softmax.
  expect_close_to_reference(at::kFloat, /*factor=*/32.0);
}

TEST(MoeLayerTest, IsCloseToTheReferenceInBfloat16) {
  // Sums are in float32, but five intermediate results (pre-activation, activation, row, combined
  // row, gradient of a weight) are each rounded to bfloat16, by half an epsilon.
  expect_close_to_reference(at::kBFloat16, /*factor=*/4.0);
}

TEST(MoeLayerTest, RoutesInFloatWhateverTheModelsDtype) {
  MoeLayer layer = random_layer(small_config(at::kBFloat16));
  const at::Tensor y_TD = layer->forward(random_tensor({5, 6}, at::kBFloat16, "x"));
  EXPECT_EQ(y_TD.scalar_type(), at::kBFloat16);
  const Routing& routing = layer->last_routing();
  EXPECT_FALSE(routing.logit_TE.defined());
  for (const at::Tensor& tensor :
       {routing.prob_TE, routing.weight_TK, parameters_of(*layer).at("router.weight")}) {
    EXPECT_EQ(tensor.scalar_type(), at::kFloat);
  }
}

TEST(MoeLayerTest, GradientsMatchTheNumericJacobian) {
  for (const Activation activation :
       {Activation::kSwiGlu, Activation::kGeGlu, Activation::kGelu, Activation::kSquaredRelu}) {
    SCOPED_TRACE(kernels::activation_name(activation));
    MoeLayerConfig config = small_config();
    config.hidden_size = 3;
    config.moe_intermediate_size = 2;
    config.shared_expert_intermediate_size = 2;
    config.activation = activation;
    MoeLayer layer = random_layer(config);
    std::vector<at::Tensor> inputs = layer->parameters();
    inputs.insert(inputs.begin(), random_tensor({5, 3}, at::kDouble, "x"));
    expect_gradients(
        [&](const std::vector<at::Tensor>& values) { return layer->forward(values[0]); }, inputs);
  }
}

TEST(MoeLayerTest, TakesAnyLeadingDims) {
  MoeLayer layer = random_layer(small_config());
  const at::Tensor x_TD = random_tensor({12, 6}, at::kDouble, "x");
  const at::Tensor y_TD = layer->forward(x_TD);
  expect_bitwise_equal(layer->forward(x_TD.view({3, 4, 6})), y_TD.view({3, 4, 6}));
  expect_bitwise_equal(layer->forward(x_TD.view({2, 3, 2, 6})), y_TD.view({2, 3, 2, 6}));
  // One row more or less in a GEMM may round differently.
  expect_close(layer->forward(x_TD[0]), y_TD[0], kDoubleFactor);
}

TEST(MoeLayerTest, TakesStridedTokens) {
  MoeLayer layer = random_layer(small_config());
  const at::Tensor x_DT = random_tensor({6, 9}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, x_DT.t().contiguous());
  const NamedTensors actual =
      run([&](const at::Tensor& leaf) { return layer->forward(leaf.t()).t(); },
          x_DT,
          parameters_of(*layer));
  expect_bitwise_equal(actual.at("y").t(), expected.at("y"));
}

TEST(MoeLayerTest, DescribesEveryParameterOnce) {
  MoeLayerConfig config = small_config();
  config.shared_expert_intermediate_size = 3;
  MoeLayer layer(config);
  const std::vector<Parameter> described = layer->describe_parameters("block.mlp");
  check_parameters(described);
  ASSERT_EQ(described.size(), layer->parameters().size());
  EXPECT_EQ(described[0].name, "block.mlp.gate.weight");
  EXPECT_EQ(described[0].decay, DecayClass::kNoDecay);
  EXPECT_EQ(described[1].slices[2].name, "block.mlp.experts.1.gate_proj.weight");
  EXPECT_EQ(described[1].replicas, ReplicaAxis::kExpert);
  EXPECT_EQ(described[3].slices[1].name, "block.mlp.shared_expert.up_proj.weight");
  EXPECT_EQ(described[3].replicas, ReplicaAxis::kDense);
}

TEST(MoeLayerTest, TheSeedOfLibTorchDecidesTheInitialWeights) {
  MoeLayerConfig config = small_config();
  config.shared_expert_intermediate_size = 3;
  at::manual_seed(5);
  MoeLayer first(config);
  MoeLayer second(config);
  at::manual_seed(5);
  MoeLayer again(config);
  expect_all_bitwise_equal(parameters_of(*again), parameters_of(*first));
  for (const auto& [name, parameter] : parameters_of(*second)) {
    EXPECT_FALSE(at::equal(parameter, parameters_of(*first).at(name))) << name;
  }
  const at::Tensor up_LGD = parameters_of(*first).at("experts.up");
  for (int64_t e = 1; e < up_LGD.size(0); ++e) {
    EXPECT_FALSE(at::equal(up_LGD[e], up_LGD[0])) << e;
  }
}

TEST(MoeLayerTest, InitializesByNameAndSeed) {
  MoeLayer first(small_config());
  MoeLayer second(small_config());
  first->initialize("layers.0.mlp", 7);
  second->initialize("layers.0.mlp", 7);
  expect_all_bitwise_equal(parameters_of(*second), parameters_of(*first));
  second->initialize("layers.1.mlp", 7);
  for (const auto& [name, parameter] : parameters_of(*second)) {
    EXPECT_FALSE(at::equal(parameter, parameters_of(*first).at(name))) << name;
  }
}

TEST(MoeLayerTest, StatsTellTheLoadOfTheLastForward) {
  MoeLayerConfig config = small_config();
  config.router.num_experts_per_tok = 1;
  config.router.norm_topk_prob = false;
  config.capacity.factor = 1.0;
  config.losses = {{"switch", 0.0}, {"z", 0.0}};
  MoeLayer layer(config);
  const at::NoGradGuard no_grad;
  // Every logit is 0: expert 0 wins each tie, every probability is 1/4.
  parameters_of(*layer).at("router.weight").zero_();
  layer->forward(random_tensor({8, 6}, at::kDouble, "x"));
  const LoadStats& stats = layer->stats();
  EXPECT_EQ(stats.num_tokens, 8);
  EXPECT_EQ(stats.num_dropped, 6);  // expert 0 takes ceil(1.0 * 8 * 1 / 4)
  EXPECT_EQ(stats.num_tokens_E[0].item<int64_t>(), 2);
  EXPECT_EQ(stats.num_tokens_E.sum().item<int64_t>(), 2);
  EXPECT_NEAR(stats.losses.at("switch"), 1.0, 1e-12);  // E * (1 * 1/4)
  EXPECT_NEAR(stats.losses.at("z"), std::log(4.0) * std::log(4.0), 1e-12);
}

TEST(MoeLayerTest, RefusesTokensOfAnotherShapeOrDtype) {
  MoeLayer layer(small_config());
  expect_error<ShapeError>([&] { layer->forward(at::Tensor()); }, "expected [..., D]");
  expect_error<ShapeError>([&] { layer->forward(random_tensor({}, at::kDouble, "x")); },
                           "x has the wrong shape: expected [..., D] found no dims");
  expect_error<ShapeError>(
      [&] {
        layer->forward(random_tensor({4, 5}, at::kDouble, "x"));
      },
      "x_TD has the wrong shape: expected [*, 6] found [4, 5]");
  expect_error<ShapeError>(
      [&] {
        layer->forward(random_tensor({4, 0}, at::kDouble, "x"));
      },
      "x_TD has the wrong shape: expected [*, 6] found [4, 0]");
  expect_error<ShapeError>(
      [&] {
        layer->forward(random_tensor({4, 6}, at::kFloat, "x"));
      },
      "x has the wrong dtype: expected Double found Float");
}

TEST(MoeLayerTest, RefusesAContextThatDoesNotFitTheTokens) {
  MoeLayer layer(small_config());
  const at::Tensor x_TD = random_tensor({4, 6}, at::kDouble, "x");
  const std::vector<std::pair<std::string, at::Tensor RoutingContext::*>> fields = {
      {"token_id_T", &RoutingContext::token_id_T},
      {"global_token_idx_T", &RoutingContext::global_token_idx_T},
      {"sequence_idx_T", &RoutingContext::sequence_idx_T},
      {"valid_T", &RoutingContext::valid_T}};
  for (const auto& [name, field] : fields) {
    RoutingContext context;
    context.*field = at::zeros({3}, at::TensorOptions().dtype(at::kLong));
    expect_error<ShapeError>([&] { layer->forward(x_TD, context); },
                             name + " has the wrong shape: expected [4] found [3]");
    context.*field = at::zeros({4}, at::TensorOptions().dtype(at::kDouble));
    expect_error<ShapeError>([&] { layer->forward(x_TD, context); }, name + " has the wrong dtype");
  }
}

TEST(MoeLayerTest, ReportsEveryFaultOfItsConfigAtOnce) {
  MoeLayerConfig config;
  config.shared_expert_intermediate_size = -1;
  config.router.num_experts_per_tok = 9;
  config.capacity.factor = 0.0;
  config.losses = {{"z", 0.1}, {"z", -0.1}};
  config.dtype = at::kInt;
  const std::vector<std::string> faults = {
      "moe.hidden_size = 0: must be at least 1",
      "moe.moe_intermediate_size = 0: must be at least 1",
      "moe.shared_expert_intermediate_size = -1: must be at least 0",
      "moe.router.num_experts_per_tok = 9: must be from 1 to num_experts=8",
      "moe.capacity_factor = 0: must be from 1e-06 to 1e+06",
      "moe.losses.1.coef = -0.1: must be finite and at least 0",
      "moe.dtype = Int: must be float32, bfloat16 or float64"};
  for (const std::string& fault : faults) {
    expect_error<ConfigError>([&] { MoeLayer layer(config); }, fault);
  }
}

TEST(MoeLayerTest, RefusesToCutTokensIntoNoChunks) {
  MoeLayer layer(small_config());
  expect_error<ConfigError>([&] { layer->set_num_chunks(0); },
                            "num_chunks = 0: must be at least 1");
}

}  // namespace
}  // namespace hecaton::moe
