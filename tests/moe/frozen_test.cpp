// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Frozen parameters of a layer: they take part in forward, and backward does no work for them.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "moe/grouped_ffn.h"
#include "moe/local_dispatcher.h"
#include "moe/moe_layer.h"
#include "moe/top_k_router.h"
#include "tests/moe/layer_run.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::random_tensor;

/// GroupedFfn that notes for which weights a gradient was asked.
class NotingExperts final : public Experts {
 public:
  explicit NotingExperts(const GroupedFfnConfig& config) : ffn_(config) {
    register_module("ffn", ffn_);
  }
  int64_t num_local_experts() const override { return ffn_->num_local_experts(); }
  ExpertWeights weights() const override { return ffn_->weights(); }
  ExpertOutput forward(const kernels::IndexedRows& x,
                       const std::vector<int64_t>& num_rows_L,
                       const ExpertWeights& weights,
                       bool is_training) override {
    return ffn_->forward(x, num_rows_L, weights, is_training);
  }
  ExpertInputGrads backward_input(const kernels::IndexedRows& dy,
                                  const at::Tensor& score_R,
                                  const std::vector<int64_t>& num_rows_L,
                                  const ExpertWeights& weights,
                                  const ExpertSaved& saved) override {
    return ffn_->backward_input(dy, score_R, num_rows_L, weights, saved);
  }
  void backward_weight(const kernels::IndexedRows& dy,
                       const ExpertInputGrads& input_grads,
                       const std::vector<int64_t>& num_rows_L,
                       const ExpertSaved& saved,
                       ExpertGrads& grads) override {
    asked =
        std::string(grads.sinks[0].is_set() ? "up " : "") + (grads.sinks[1].is_set() ? "down" : "");
    ffn_->backward_weight(dy, input_grads, num_rows_L, saved, grads);
  }
  std::vector<Parameter> describe_parameters(const std::string& prefix,
                                             int64_t first_expert) override {
    return ffn_->describe_parameters(prefix, first_expert);
  }

  std::string asked = "nothing yet";

 private:
  GroupedFfn ffn_;
};

struct LayerAndExperts {
  MoeLayer layer{nullptr};
  std::shared_ptr<NotingExperts> experts;
};

LayerAndExperts make_layer() {
  const MoeLayerConfig config = small_config();
  LayerAndExperts made;
  made.experts = std::make_shared<NotingExperts>(
      GroupedFfnConfig{.num_local_experts = 4,
                       .hidden_size = config.hidden_size,
                       .moe_intermediate_size = config.moe_intermediate_size,
                       .dtype = at::kDouble});
  made.layer = MoeLayer(TopKRouter(config.hidden_size, config.router, at::kDouble).ptr(),
                        made.experts,
                        Ffn(nullptr),
                        std::make_shared<LocalDispatcher>(),
                        CapacityConfig{},
                        std::vector<RoutingLossConfig>{{"switch", 0.1}});
  fill_randomly(*made.layer);
  return made;
}

void freeze(MoeLayer& layer, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    parameters_of(*layer).at(name).set_requires_grad(false);
  }
}

/// Runs with and without `frozen`; all other gradients must have the same bits.
std::string asked_with_frozen(const std::vector<std::string>& frozen) {
  LayerAndExperts made = make_layer();
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  NamedTensors expected = run_layer(made.layer, x_TD);
  EXPECT_EQ(made.experts->asked, "up down");
  for (const std::string& name : frozen) {
    expected.erase(name);
  }
  freeze(made.layer, frozen);
  expect_all_bitwise_equal(run_layer(made.layer, x_TD), expected);
  return made.experts->asked;
}

TEST(FrozenTest, FrozenExpertsSkipTheProductsOfTheirGradients) {
  EXPECT_EQ(asked_with_frozen({"experts.ffn.up"}), "down");
  EXPECT_EQ(asked_with_frozen({"experts.ffn.down"}), "up ");
  EXPECT_EQ(asked_with_frozen({"experts.ffn.up", "experts.ffn.down"}), "");
}

TEST(FrozenTest, AFrozenRouterStillRoutesAndPassesGradientsToItsInput) {
  EXPECT_EQ(asked_with_frozen({"router.weight"}), "up down");
}

TEST(FrozenTest, AFrozenExpertWithSinksLeavesItsSinkUnset) {
  LayerAndExperts made = make_layer();
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(made.layer, x_TD);
  freeze(made.layer, {"experts.ffn.up"});
  const at::Tensor down = made.experts->weights().tensors[1];
  const GradSink sink{at::zeros(down.sizes(), down.options().requires_grad(false))};
  made.experts->set_grad_sinks({GradSink{}, sink});
  run_layer(made.layer, x_TD);
  EXPECT_EQ(made.experts->asked, "down");
  expect_bitwise_equal(sink.grad(), expected.at("experts.ffn.down"));
}

TEST(FrozenTest, ATrainedExpertWithoutSinkBesideOneWithGetsAnOrdinaryGradient) {
  LayerAndExperts made = make_layer();
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(made.layer, x_TD);
  const at::Tensor down = made.experts->weights().tensors[1];
  const GradSink sink{at::zeros(down.sizes(), down.options().requires_grad(false))};
  made.experts->set_grad_sinks({GradSink{}, sink});
  made.layer->zero_grad();
  const NamedTensors actual = run_layer(made.layer, x_TD);
  expect_bitwise_equal(actual.at("experts.ffn.up"), expected.at("experts.ffn.up"));
  expect_bitwise_equal(sink.grad(), expected.at("experts.ffn.down"));
}

TEST(FrozenTest, AWhollyFrozenLayerPassesGradientsOn) {
  EXPECT_EQ(asked_with_frozen({"router.weight", "experts.ffn.up", "experts.ffn.down"}), "");
}

}  // namespace
}  // namespace hecaton::moe
