// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/module_experts.h"

#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <torch/nn/modules/linear.h>

#include "core/error.h"
#include "moe/local_dispatcher.h"
#include "moe/moe_layer.h"
#include "moe/top_k_router.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"

namespace hecaton::moe {
namespace {

using testing::expect_error;
using testing::random_tensor;

/// SwiGLU as a user would write it.
struct SwiGluImpl : torch::nn::Module {
  SwiGluImpl()
      : gate(register_module("gate", linear(6, 5))),
        up(register_module("up", linear(6, 5))),
        down(register_module("down", linear(5, 6))) {
    to(at::kDouble);
  }
  static torch::nn::Linear linear(int64_t in, int64_t out) {
    return torch::nn::Linear(torch::nn::LinearOptions(in, out).bias(false));
  }
  at::Tensor forward(const at::Tensor& x_TD) { return down(at::silu(gate(x_TD)) * up(x_TD)); }

  torch::nn::Linear gate;
  torch::nn::Linear up;
  torch::nn::Linear down;
};
TORCH_MODULE(SwiGlu);

ModuleExperts swiglu_experts(int64_t L) {
  return ModuleExperts(L, [] { return torch::nn::AnyModule(SwiGlu()); });
}

MoeLayer layer_of(const ModuleExperts& experts, int64_t E) {
  return MoeLayer(TopKRouter(6, RouterConfig{.num_experts = E}, at::kDouble).ptr(),
                  experts.ptr(),
                  Ffn(nullptr),
                  std::make_shared<LocalDispatcher>(),
                  CapacityConfig{},
                  std::vector<RoutingLossConfig>{});
}

/// The tensors of a layer of modules, in the names and shapes of GroupedFfn.
NamedTensors in_grouped_form(NamedTensors tensors, int64_t E) {
  std::vector<at::Tensor> up_E;
  std::vector<at::Tensor> down_E;
  const auto take = [&](const std::string& name) {
    at::Tensor tensor = tensors.at(name);
    tensors.erase(name);
    return tensor;
  };
  for (int64_t e = 0; e < E; ++e) {
    const std::string expert = "experts." + std::to_string(e);
    const at::Tensor gate = take(expert + ".gate.weight");
    up_E.push_back(at::cat({gate, take(expert + ".up.weight")}));
    down_E.push_back(take(expert + ".down.weight"));
  }
  tensors["experts.up"] = at::stack(up_E);
  tensors["experts.down"] = at::stack(down_E);
  return tensors;
}

TEST(ModuleExpertsTest, EqualsGroupedFfnOnTheSameWeights) {
  // 16 experts and 5 tokens: some experts have no rows.
  for (const int64_t E : {4, 16}) {
    MoeLayer modules = layer_of(swiglu_experts(E), E);
    fill_randomly(*modules);
    MoeLayerConfig config = small_config();
    config.router.num_experts = E;
    MoeLayer grouped(config);
    const at::Tensor x_TD = random_tensor({5, 6}, at::kDouble, "x");
    {
      const at::NoGradGuard no_grad;
      const NamedTensors weights = in_grouped_form(parameters_of(*modules), E);
      for (const auto& [name, parameter] : parameters_of(*grouped)) {
        parameter.copy_(weights.at(name));
      }
    }
    for (const int64_t num_chunks : {1, 3}) {
      modules->set_num_chunks(num_chunks);
      expect_all_close(
          in_grouped_form(run_layer(modules, x_TD), E), run_layer(grouped, x_TD), kDoubleFactor);
    }
  }
}

TEST(ModuleExpertsTest, MayHoldNoExperts) {
  ModuleExperts experts = swiglu_experts(0);
  const at::NoGradGuard no_grad;
  const at::Tensor x_RD = random_tensor({0, 6}, at::kDouble, "x");
  const at::Tensor score_R = random_tensor({0}, at::kDouble, "score");
  const ExpertOutput output = experts->forward({x_RD}, {}, experts->weights(), true);
  EXPECT_EQ(output.y_RD.sizes(), at::IntArrayRef({0, 6}));
  const ExpertInputGrads grads =
      experts->backward_input({x_RD}, score_R, {}, experts->weights(), output.saved);
  EXPECT_EQ(grads.dx_RD.sizes(), at::IntArrayRef({0, 6}));
  EXPECT_EQ(grads.dscore_R.sizes(), at::IntArrayRef({0}));
}

TEST(ModuleExpertsTest, FrozenParametersGetNoGradient) {
  MoeLayer layer = layer_of(swiglu_experts(4), 4);
  fill_randomly(*layer);
  const at::Tensor x_TD = random_tensor({5, 6}, at::kDouble, "x");
  NamedTensors expected = run_layer(layer, x_TD);
  for (const auto& [name, parameter] : parameters_of(*layer)) {
    if (name.find("gate") != std::string::npos) {
      parameter.set_requires_grad(false);
      expected.erase(name);
    }
  }
  expect_all_bitwise_equal(run_layer(layer, x_TD), expected);
}

TEST(ModuleExpertsTest, RefusesWeightsThatAreNotItsOwn) {
  MoeLayer layer = layer_of(swiglu_experts(4), 4);
  const at::Tensor x_TD = random_tensor({5, 6}, at::kDouble, "x");
  ExpertWeights weights = layer->experts().weights();
  weights.tensors[3] = weights.tensors[3].detach().clone();
  for (const ExpertWeights& refused : {weights, ExpertWeights{}}) {
    expect_error<ShapeError>([&] { layer->forward_with(x_TD, {}, refused); },
                             "ModuleExperts can run on its own parameters alone");
  }
}

TEST(ModuleExpertsTest, RefusesCountsThatAreNotThoseOfItsExperts) {
  ModuleExperts experts = swiglu_experts(3);
  const at::Tensor x_RD = random_tensor({4, 6}, at::kDouble, "x");
  const auto forward = [&](const std::vector<int64_t>& num_rows_L) {
    return [&experts, x_RD, num_rows_L] {
      experts->forward({x_RD}, num_rows_L, experts->weights(), /*is_training=*/false);
    };
  };
  for (const std::vector<int64_t>& num_rows_L : {std::vector<int64_t>{4, 0}, {1, 1, 1, 1}}) {
    expect_error<ShapeError>(forward(num_rows_L),
                             "num_rows_L must have one count for each of 3 experts: found " +
                                 std::to_string(num_rows_L.size()));
  }
  expect_error<ShapeError>(forward({1, 1, 1}),
                           "num_rows_L must sum to the number of rows: sum=3 rows=4");
  expect_error<ConfigError>(
      [&] { layer_of(experts, 4); },
      "as many as the dispatcher places on this rank: expected 4 of 4 found 3");
}

TEST(ModuleExpertsTest, KeepTheirValuesWhenALayerIsInitialized) {
  MoeLayer layer = layer_of(swiglu_experts(4), 4);
  NamedTensors before;
  for (const auto& [name, parameter] : parameters_of(*layer)) {
    before[name] = parameter.detach().clone();
  }
  layer->initialize("mlp", 7);
  for (const auto& [name, parameter] : parameters_of(*layer)) {
    EXPECT_EQ(at::equal(parameter, before.at(name)), name != "router.weight") << name;
  }
}

TEST(ModuleExpertsTest, NamesTheParametersOfEveryModuleGlobally) {
  ModuleExperts experts(2, [] { return torch::nn::AnyModule(torch::nn::Linear(6, 6)); });
  const std::vector<Parameter> described = experts->describe_parameters("mlp", /*first_expert=*/4);
  check_parameters(described);
  ASSERT_EQ(described.size(), 4U);
  EXPECT_EQ(described[0].name, "mlp.experts.4.weight");
  EXPECT_EQ(described[0].decay, DecayClass::kDecay);
  EXPECT_EQ(described[3].name, "mlp.experts.5.bias");
  EXPECT_EQ(described[3].decay, DecayClass::kNoDecay);
  EXPECT_EQ(described[3].replicas, ReplicaAxis::kExpert);
}

}  // namespace
}  // namespace hecaton::moe
