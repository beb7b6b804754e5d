// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <memory>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "core/error.h"
#include "moe/local_dispatcher.h"
#include "moe/module_experts.h"
#include "moe/moe_layer.h"
#include "moe/top_k_router.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;

MoeLayerConfig config_with_losses(at::ScalarType dtype = at::kDouble) {
  MoeLayerConfig config = small_config(dtype);
  config.shared_expert_intermediate_size = 3;
  config.losses = {{"switch", 0.5}, {"z", 0.25}};
  return config;
}

TEST(MoeLayerTrainingTest, ChunksChangeNothing) {
  MoeLayer layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({11, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, x_TD);
  for (const int64_t num_chunks : {2, 3, 11, 20}) {
    SCOPED_TRACE(num_chunks);
    layer->set_num_chunks(num_chunks);
    expect_all_close(run_layer(layer, x_TD), expected, kDoubleFactor);
  }
}

TEST(MoeLayerTrainingTest, WeightsFromOutsideGetTheGradients) {
  MoeLayer layer(config_with_losses());
  MoeLayer expected_layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({11, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(expected_layer, x_TD);

  // Everything but the experts is shared; the experts' weights are handed over.
  NamedTensors own = parameters_of(*layer);
  const NamedTensors source = parameters_of(*expected_layer);
  NamedTensors outside;
  for (const auto& [name, parameter] : own) {
    if (name.rfind("experts.", 0) == 0) {
      outside[name] = source.at(name).detach().clone().requires_grad_();
    } else {
      const at::NoGradGuard no_grad;
      parameter.copy_(source.at(name));
      outside[name] = parameter;
    }
  }
  const ExpertWeights weights{{outside.at("experts.up"), outside.at("experts.down")}};
  // A sink belongs to the own weights: others must not write there.
  std::vector<GradSink> sinks;
  for (const at::Tensor& tensor : layer->experts().weights().tensors) {
    sinks.emplace_back(at::zeros(tensor.sizes(), tensor.options()));
  }
  layer->experts().set_grad_sinks(sinks);
  const NamedTensors actual =
      run([&](const at::Tensor& leaf) { return layer->forward_with(leaf, {}, weights); },
          x_TD,
          outside);
  expect_all_bitwise_equal(actual, expected);
  EXPECT_FALSE(own.at("experts.up").grad().defined());
  EXPECT_FALSE(own.at("experts.down").grad().defined());
  for (const GradSink& sink : sinks) {
    EXPECT_EQ(sink.grad().abs().sum().item<double>(), 0.0);
  }
}

TEST(MoeLayerTrainingTest, GradSinksAccumulateInsteadOfGrad) {
  for (const auto dtype : {at::kDouble, at::kBFloat16}) {
    SCOPED_TRACE(dtype);
    MoeLayer layer = random_layer(config_with_losses(dtype));
    const NamedTensors parameters = parameters_of(*layer);
    const auto sink_dtype = dtype == at::kDouble ? at::kDouble : at::kFloat;
    std::vector<std::vector<at::Tensor>> grads_of_pass;  // alone, alone, both
    for (const std::vector<const char*>& inputs :
         {std::vector{"first"}, std::vector{"second"}, std::vector{"first", "second"}}) {
      std::vector<GradSink> sinks;
      grads_of_pass.emplace_back();
      for (const at::Tensor& tensor : layer->experts().weights().tensors) {
        sinks.emplace_back(at::zeros(tensor.sizes(), at::TensorOptions().dtype(sink_dtype)));
        grads_of_pass.back().push_back(sinks.back().grad());
      }
      layer->experts().set_grad_sinks(sinks);
      for (const char* input : inputs) {
        layer->forward(random_tensor({9, 6}, dtype, input)).sum().backward();
      }
    }
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_GT(grads_of_pass[0][i].abs().sum().item<double>(), 0.0);
      expect_close(grads_of_pass[2][i], grads_of_pass[0][i] + grads_of_pass[1][i], 8.0);
    }
    EXPECT_FALSE(parameters.at("experts.up").grad().defined());
    EXPECT_FALSE(parameters.at("experts.down").grad().defined());
    EXPECT_TRUE(parameters.at("router.weight").grad().defined());
  }
}

TEST(MoeLayerTrainingTest, ASinkHoldsWhatGradWouldHold) {
  MoeLayer layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, x_TD);
  std::vector<GradSink> sinks;
  for (const at::Tensor& tensor : layer->experts().weights().tensors) {
    sinks.emplace_back(at::zeros(tensor.sizes(), tensor.options()));
  }
  layer->experts().set_grad_sinks(sinks);
  NamedTensors actual = run_layer(layer, x_TD);
  EXPECT_EQ(actual.size(), expected.size() - 2);
  actual["experts.up"] = sinks[0].grad();
  actual["experts.down"] = sinks[1].grad();
  expect_all_bitwise_equal(actual, expected);

  layer->experts().set_grad_sinks({});
  expect_all_bitwise_equal(run_layer(layer, x_TD), expected);
}

TEST(MoeLayerTrainingTest, ABlankSinkIsWrittenOnceAndThenAddedTo) {
  MoeLayer layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, x_TD);
  std::vector<GradSink> sinks;
  for (const at::Tensor& tensor : layer->experts().weights().tensors) {
    sinks.emplace_back(at::full(tensor.sizes(), 7.0, tensor.options()));
    sinks.back().make_blank();
  }
  layer->experts().set_grad_sinks(sinks);
  run_layer(layer, x_TD);
  expect_bitwise_equal(sinks[0].grad(), expected.at("experts.up"));
  expect_bitwise_equal(sinks[1].grad(), expected.at("experts.down"));
  run_layer(layer, x_TD);
  expect_close(sinks[0].grad(), 2.0 * expected.at("experts.up"), 8.0);
}

TEST(MoeLayerTrainingTest, RefusesSinksThatAreNotAsManyAsTheWeights) {
  MoeLayer layer(small_config());
  layer->experts().set_grad_sinks({GradSink{at::zeros({1})}});
  const at::Tensor y_TD = layer->forward(random_tensor({3, 6}, at::kDouble, "x"));
  expect_error<InternalError>([&] { y_TD.sum().backward(); },
                              "every weight of the experts needs its sink");
}

/// Mean squared error over a fixed batch before and after some steps.
template <typename Optimizer, typename Net>
std::pair<double, double> train(Net& net, Optimizer& optimizer) {
  const at::Tensor x_TD = random_tensor({16, 6}, at::kFloat, "x");
  const at::Tensor target_TD = random_tensor({16, 6}, at::kFloat, "target");
  std::vector<double> losses;
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    const at::Tensor loss = (net->forward(x_TD) - target_TD).square().mean();
    losses.push_back(loss.template item<double>());
    loss.backward();
    optimizer.step();
  }
  return {losses.front(), losses.back()};
}

TEST(MoeLayerTrainingTest, SgdTrainsTheLayer) {
  MoeLayer layer = random_layer(small_config(at::kFloat));
  torch::optim::SGD optimizer(layer->parameters(), torch::optim::SGDOptions(0.3));
  const auto [before, after] = train(layer, optimizer);
  EXPECT_LT(after, 0.6 * before);
}

TEST(MoeLayerTrainingTest, AdamWTrainsTheLayer) {
  MoeLayer layer = random_layer(config_with_losses(at::kFloat));
  torch::optim::AdamW optimizer(layer->parameters(), torch::optim::AdamWOptions(0.02));
  const auto [before, after] = train(layer, optimizer);
  EXPECT_LT(after, 0.6 * before);
}

/// A module of the user's own with the layer inside.
struct UserNetImpl : torch::nn::Module {
  UserNetImpl()
      : in(register_module("in", torch::nn::Linear(6, 6))),
        moe(register_module("moe", random_layer(config_with_losses(at::kFloat)))) {}
  at::Tensor forward(const at::Tensor& x_TD) { return x_TD + moe(in(x_TD)); }

  torch::nn::Linear in;
  MoeLayer moe;
};
TORCH_MODULE(UserNet);

TEST(MoeLayerTrainingTest, TrainsInsideAUsersModule) {
  UserNet net;
  EXPECT_EQ(net->parameters().size(), 7U);
  torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(0.02));
  const auto [before, after] = train(net, optimizer);
  EXPECT_LT(after, 0.6 * before);
}

TEST(MoeLayerTrainingTest, TrainsInsideASequential) {
  torch::nn::Sequential net(random_layer(small_config(at::kFloat)), torch::nn::Linear(6, 6));
  torch::optim::AdamW optimizer(net->parameters(), torch::optim::AdamWOptions(0.02));
  const auto [before, after] = train(net, optimizer);
  EXPECT_LT(after, 0.6 * before);
}

TEST(MoeLayerTrainingTest, InputNeedNotRequireGrad) {
  MoeLayer layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  NamedTensors expected = run_layer(layer, x_TD);
  const at::Tensor y_TD = layer->forward(x_TD);
  y_TD.backward(random_tensor(y_TD.sizes(), at::kDouble, "gradient of y"));
  expected.erase("x");
  expected.erase("y");
  expect_all_bitwise_equal(take_grads(parameters_of(*layer)), expected);
}

TEST(MoeLayerTrainingTest, FrozenParametersStillLetTheGradientThrough) {
  MoeLayer layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, x_TD);
  for (const at::Tensor& parameter : layer->parameters()) {
    parameter.set_requires_grad(false);
  }
  const NamedTensors actual = run_layer(layer, x_TD);
  EXPECT_EQ(actual.size(), 2U);
  expect_bitwise_equal(actual.at("x"), expected.at("x"));
}

TEST(MoeLayerTrainingTest, TheOutputMayBeChangedInPlace) {
  MoeLayer layer = random_layer(config_with_losses());
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, x_TD);
  NamedTensors actual = run([&](const at::Tensor& leaf) { return layer->forward(leaf).add_(1.0); },
                            x_TD,
                            parameters_of(*layer));
  actual["y"] = actual.at("y") - 1.0;
  expect_all_close(actual, expected, kDoubleFactor);
}

/// An expert that remembers whether its forward was being recorded.
struct ProbeImpl : torch::nn::Module {
  explicit ProbeImpl(std::vector<bool>& is_recorded) : is_recorded_(is_recorded) {
    scale_D_ = register_parameter("scale", random_tensor({6}, at::kDouble, "scale"));
  }
  at::Tensor forward(const at::Tensor& x_TD) {
    is_recorded_.push_back(at::GradMode::is_enabled());
    return x_TD * scale_D_;
  }

 private:
  std::vector<bool>& is_recorded_;
  at::Tensor scale_D_;
};
TORCH_MODULE(Probe);

MoeLayer probe_layer(std::vector<bool>& is_recorded) {
  const RouterConfig router{.num_experts = 2, .num_experts_per_tok = 2};
  const ModuleExperts experts(2, [&] { return torch::nn::AnyModule(Probe(is_recorded)); });
  return MoeLayer(TopKRouter(6, router, at::kDouble).ptr(),
                  experts.ptr(),
                  Ffn(nullptr),
                  std::make_shared<LocalDispatcher>(),
                  CapacityConfig{},
                  std::vector<RoutingLossConfig>{});
}

TEST(MoeLayerTrainingTest, EvaluationSavesNothing) {
  std::vector<bool> is_recorded;
  MoeLayer layer = probe_layer(is_recorded);
  const at::Tensor x_TD = random_tensor({3, 6}, at::kDouble, "x");
  RoutingContext context;
  context.phase = Phase::kEval;
  at::Tensor y_TD;
  {
    const at::NoGradGuard no_grad;
    y_TD = layer->forward(x_TD, context);
  }
  EXPECT_FALSE(y_TD.requires_grad());
  EXPECT_EQ(is_recorded, std::vector<bool>({false, false}));
  layer->forward(x_TD, context);
  EXPECT_EQ(is_recorded, std::vector<bool>({false, false, true, true}));
}

TEST(MoeLayerTrainingTest, ASecondBackwardGivesTheSameGradients) {
  std::vector<bool> is_recorded;
  for (MoeLayer layer : {random_layer(config_with_losses()), probe_layer(is_recorded)}) {
    const NamedTensors parameters = parameters_of(*layer);
    const at::Tensor leaf = random_tensor({9, 6}, at::kDouble, "x").requires_grad_();
    const at::Tensor y_TD = layer->forward(leaf);
    const auto backward = [&](bool retain_graph) {
      y_TD.backward(at::ones_like(y_TD), retain_graph);
      NamedTensors grads = take_grads(parameters);
      grads["x"] = leaf.grad().clone();
      leaf.mutable_grad().reset();
      return grads;
    };
    const NamedTensors first = backward(/*retain_graph=*/true);
    expect_all_bitwise_equal(backward(/*retain_graph=*/false), first);
    EXPECT_ANY_THROW(backward(/*retain_graph=*/false));
  }
}

TEST(MoeLayerTrainingTest, RefusesToBeDifferentiatedTwice) {
  MoeLayer layer = random_layer(small_config());
  const at::Tensor leaf = random_tensor({9, 6}, at::kDouble, "x").requires_grad_();
  const at::Tensor y_TD = layer->forward(leaf);
  expect_error<InternalError>(
      [&] {
        torch::autograd::grad(
            {y_TD.sum()}, {leaf}, {}, /*retain_graph=*/true, /*create_graph=*/true);
      },
      "an MoE layer can be differentiated once, not twice");
}

}  // namespace
}  // namespace hecaton::moe
