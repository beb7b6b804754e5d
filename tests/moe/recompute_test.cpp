// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/recompute.h"

#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/held_memory.h"
#include "moe/grouped_ffn.h"
#include "moe/local_dispatcher.h"
#include "moe/moe_layer.h"
#include "moe/top_k_router.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

/// With a shared expert, both losses, and a capacity unless told otherwise.
MoeLayerConfig full_config(at::ScalarType dtype, bool has_capacity) {
  MoeLayerConfig config = small_config(dtype);
  config.shared_expert_intermediate_size = 7;
  config.losses = {{"switch", 0.3}, {"z", 0.2}};
  if (has_capacity) {
    config.capacity.factor = 0.8;
  }
  return config;
}

TEST(RecomputeTest, ALayerGivesTheBitsOfAnOrdinaryPass) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    for (const bool has_capacity : {false, true}) {
      SCOPED_TRACE(std::string(c10::toString(dtype)) + (has_capacity ? " with capacity" : ""));
      MoeLayer layer = random_layer(full_config(dtype, has_capacity));
      const at::Tensor x = random_tensor({2, 9, 6}, dtype, "x");
      RoutingContext context;
      context.valid_T = at::ones({18}, at::TensorOptions().dtype(at::kBool));
      context.valid_T[5] = false;
      const NamedTensors expected = run_layer(layer, x, context);
      const LoadStats stats = layer->stats();
      layer->set_recompute(true);
      expect_all_bitwise_equal(run_layer(layer, x, context), expected);
      expect_all_bitwise_equal(run_layer(layer, x, context), expected);  // nothing is left over
      expect_bitwise_equal(layer->stats().num_tokens_E, stats.num_tokens_E);
      EXPECT_EQ(layer->stats().num_dropped, stats.num_dropped);
      EXPECT_EQ(layer->stats().losses, stats.losses);
      EXPECT_EQ(has_capacity, stats.num_dropped > 0);
    }
  }
}

/// What a layer asks of other ranks.
struct Calls : CountReducer {
  at::Tensor sum(const at::Tensor& counts_E) override {
    ++num_reductions;
    return counts_E;
  }
  at::Tensor exclusive_scan(const at::Tensor& counts_E) override {
    ++num_reductions;
    return at::zeros(counts_E.sizes(), counts_E.options());
  }

  int num_reductions = 0;
  int num_plans = 0;
  int num_dispatches = 0;
};

class CountingDispatcher final : public Dispatcher {
 public:
  explicit CountingDispatcher(Calls& calls) : calls_(calls) {}
  ExpertRange local_experts(int64_t num_experts) const override {
    return local_.local_experts(num_experts);
  }
  std::shared_ptr<const DispatchPlan> plan(const Routing& routing, int64_t num_chunks) override {
    ++calls_.num_plans;
    return local_.plan(routing, num_chunks);
  }
  PendingRows start_dispatch(const DispatchPlan& plan,
                             int64_t chunk,
                             const at::Tensor& x_TD,
                             const at::Tensor& value_TK) override {
    ++calls_.num_dispatches;
    return local_.start_dispatch(plan, chunk, x_TD, value_TK);
  }
  PendingRows start_combine(const DispatchPlan& plan,
                            int64_t chunk,
                            const at::Tensor& rows_RD,
                            const at::Tensor& value_R) override {
    return local_.start_combine(plan, chunk, rows_RD, value_R);
  }

 private:
  Calls& calls_;
  LocalDispatcher local_;
};

TEST(RecomputeTest, CountsAndPlansAreExchangedOnce) {
  Calls calls;
  MoeLayerConfig config = full_config(at::kDouble, /*has_capacity=*/true);
  config.capacity.scope = CapacityScope::kMicroBatch;
  MoeLayer layer(config, std::make_shared<CountingDispatcher>(calls));
  layer->set_recompute(true);
  RoutingContext context;
  context.counts = &calls;
  run_layer(layer, random_tensor({9, 6}, at::kDouble, "x"), context);
  EXPECT_EQ(calls.num_reductions, 3);  // one for the losses, two for the capacity
  EXPECT_EQ(calls.num_plans, 1);
  EXPECT_EQ(calls.num_dispatches, 3);  // forward, forward again, backward
}

TEST(RecomputeTest, NeverRoutesAgain) {
  MoeLayer layer = random_layer(small_config());
  layer->set_recompute(true);
  const at::Tensor x_TD = random_tensor({2, 6}, at::kDouble, "x");
  const at::Tensor y_TD = layer->forward(x_TD);
  const at::Tensor num_tokens_E = layer->stats().num_tokens_E.clone();
  const NamedTensors parameters = parameters_of(*layer);
  // Behind autograd's back: a router that decided now would choose the experts it liked least.
  parameters.at("router.weight").data().neg_();
  y_TD.sum().backward();
  const at::Tensor used_E = parameters.at("experts.up").grad().abs().sum({1, 2}).gt(0);
  expect_bitwise_equal(used_E, num_tokens_E.gt(0));
  EXPECT_LT(used_E.sum().item<int64_t>(), 4)
      << "a test in which every expert is used shows nothing";
  expect_bitwise_equal(layer->stats().num_tokens_E, num_tokens_E);
}

TEST(RecomputeTest, AnInputWithoutGradientStillTrainsTheWeights) {
  MoeLayer layer = random_layer(full_config(at::kDouble, false));
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors parameters = parameters_of(*layer);
  const auto weight_grads = [&] {
    const at::Tensor y_TD = layer->forward(x_TD);
    y_TD.backward(random_tensor(y_TD.sizes(), at::kDouble, "gradient of y"));
    return take_grads(parameters);
  };
  const NamedTensors expected = weight_grads();
  layer->set_recompute(true);
  EXPECT_EQ(expected.size(), parameters.size());
  expect_all_bitwise_equal(weight_grads(), expected);
}

TEST(RecomputeTest, ASinkIsAddedToOnce) {
  MoeLayer layer = random_layer(small_config(at::kFloat));
  const at::Tensor x_TD = random_tensor({9, 6}, at::kFloat, "x");
  const NamedTensors expected = run_layer(layer, x_TD);
  std::vector<GradSink> sinks;
  for (const at::Tensor& weight : layer->experts().weights().tensors) {
    sinks.emplace_back(at::zeros(weight.sizes()));
  }
  layer->experts().set_grad_sinks(sinks);
  layer->set_recompute(true);
  const NamedTensors actual = run_layer(layer, x_TD);
  EXPECT_EQ(actual.count("experts.up"), 0U);
  expect_bitwise_equal(sinks[0].grad(), expected.at("experts.up"));
  expect_bitwise_equal(sinks[1].grad(), expected.at("experts.down"));
  expect_bitwise_equal(actual.at("router.weight"), expected.at("router.weight"));
}

TEST(RecomputeTest, OtherWeightsGetTheirGradients) {
  MoeLayer layer = random_layer(small_config());
  ExpertWeights copies;
  for (const at::Tensor& weight : layer->experts().weights().tensors) {
    copies.tensors.push_back(weight.detach().mul(1.5).requires_grad_());
  }
  const auto run_on_copies = [&] {
    return run([&](const at::Tensor& leaf) { return layer->forward_with(leaf, {}, copies); },
               random_tensor({9, 6}, at::kDouble, "x"),
               {{"up", copies.tensors[0]}, {"down", copies.tensors[1]}});
  };
  const NamedTensors expected = run_on_copies();
  layer->set_recompute(true);
  expect_all_bitwise_equal(run_on_copies(), expected);
}

TEST(RecomputeTest, HoldsLittleUntilBackward) {
  MoeLayerConfig config = small_config(at::kFloat);
  config.hidden_size = 32;
  config.moe_intermediate_size = 64;
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({256, 32}, at::kFloat, "x").requires_grad_();
  const auto bytes_held = [&](bool is_recomputed) {
    layer->set_recompute(is_recomputed);
    layer->forward(x_TD);  // so that the statistics of the last forward are there already
    const HeldMemory memory;
    const at::Tensor y_TD = layer->forward(x_TD);
    return memory.num_bytes() - static_cast<int64_t>(y_TD.nbytes());
  };
  const int64_t all = bytes_held(false);
  const int64_t little = bytes_held(true);
  // The pre-activations of 512 slots: 512 * (2 * 64) numbers of 4 bytes.
  EXPECT_GE(all, 512 * 128 * 4);
  // The plan: some integers per slot.
  EXPECT_LE(little, 512 * 64);
}

TEST(RecomputeTest, CanBeDifferentiatedAgainButNotTwice) {
  MoeLayer layer = random_layer(small_config());
  layer->set_recompute(true);
  const at::Tensor x_TD = random_tensor({5, 6}, at::kDouble, "x").requires_grad_();
  const at::Tensor y = layer->forward(x_TD).sum();
  const auto gradient = [&](bool create_graph) {
    return torch::autograd::grad({y}, {x_TD}, {}, /*retain_graph=*/true, create_graph)[0];
  };
  expect_bitwise_equal(gradient(false), gradient(false));
  expect_error<InternalError>([&] { gradient(true); },
                              "a recomputed module can be differentiated once, not twice");
}

TEST(RecomputeTest, EvaluationKeepsNothingAnyway) {
  MoeLayer layer = random_layer(full_config(at::kDouble, true));
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  RoutingContext context;
  context.phase = Phase::kEval;
  const NamedTensors expected = run_layer(layer, x_TD, context);
  layer->set_recompute(true);
  expect_all_bitwise_equal(run_layer(layer, x_TD, context), expected);
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(layer->forward(x_TD).requires_grad());
}

/// Hands a number to the next layer.
class StatefulRouterImpl final : public TopKRouterImpl {
 public:
  using TopKRouterImpl::TopKRouterImpl;
  Routing forward(const at::Tensor& x_TD, const RoutingContext& context) override {
    Routing routing = TopKRouterImpl::forward(x_TD, context);
    routing.next_state = x_TD.sum(1);
    return routing;
  }
};

TEST(RecomputeTest, RefusesARouterWhoseStateHasAGradient) {
  const MoeLayerConfig config = small_config();
  MoeLayer layer(std::make_shared<StatefulRouterImpl>(6, config.router, at::kDouble),
                 GroupedFfn(GroupedFfnConfig{.num_local_experts = 4,
                                             .hidden_size = 6,
                                             .moe_intermediate_size = 5,
                                             .dtype = at::kDouble})
                     .ptr(),
                 Ffn(nullptr),
                 std::make_shared<LocalDispatcher>(),
                 CapacityConfig{},
                 std::vector<RoutingLossConfig>{});
  layer->set_recompute(true);
  expect_error<ConfigError>(
      [&] {
        layer->forward(random_tensor({5, 6}, at::kDouble, "x").requires_grad_());
      },
      "training.activation_checkpointing: must be none with a router that hands a state to the "
      "next layer");
}

}  // namespace
}  // namespace hecaton::moe
