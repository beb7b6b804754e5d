// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/top_k_router.h"

#include <limits>
#include <set>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include "core/error.h"
#include "tests/moe/layer_run.h"
#include "tests/moe/router_cases.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::expect_gradients;
using testing::random_tensor;

/// A router whose logits are its input.
TopKRouter identity_router(const RouterConfig& config, at::ScalarType dtype = at::kDouble) {
  TopKRouter router(config.num_experts, config, dtype);
  const at::NoGradGuard no_grad;
  router->parameters()[0].copy_(at::eye(config.num_experts));
  return router;
}

at::Tensor row(const std::vector<double>& values) {
  return at::tensor(values, at::TensorOptions().dtype(at::kDouble)).unsqueeze(0);
}

void expect_row(const at::Tensor& actual_TK, const std::vector<double>& expected) {
  ASSERT_EQ(actual_TK.numel(), static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual_TK.view({-1})[static_cast<int64_t>(i)].item<double>(), expected[i], 5e-7);
  }
}

const std::vector<double> kGoldenLogits = {1, -.5, 2, .25, .5, 1.5, -1, 0};

TEST(TopKRouterTest, GoldenSoftmax) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    TopKRouter router = identity_router({.norm_topk_prob = false}, dtype);
    const Routing routing = router->forward(row(kGoldenLogits).to(dtype), {});
    expect_row(routing.prob_TE,
               {.139426, .031110, .379000, .065860, .084566, .229875, .018869, .051292});
    expect_row(routing.expert_idx_TK, {2, 5});
    expect_row(routing.weight_TK, {.379000, .229875});
  }
}

TEST(TopKRouterTest, GoldenRenormalisedSoftmax) {
  for (const bool is_after : {false, true}) {
    for (const bool is_normalised : {false, true}) {
      if (is_after || is_normalised) {
        TopKRouter router =
            identity_router({.score_after_topk = is_after, .norm_topk_prob = is_normalised});
        const Routing routing = router->forward(row(kGoldenLogits), {});
        expect_row(routing.expert_idx_TK, {2, 5});
        expect_row(routing.weight_TK, {.622459, .377541});
      }
    }
  }
}

TEST(TopKRouterTest, GoldenSigmoid) {
  // sigmoid(2) = .880797, sigmoid(1.5) = .817574
  for (const bool is_after : {false, true}) {
    RouterConfig config{
        .score = RouterScore::kSigmoid, .score_after_topk = is_after, .norm_topk_prob = false};
    expect_row(identity_router(config)->forward(row(kGoldenLogits), {}).weight_TK,
               {.880797, .817574});
    config.norm_topk_prob = true;
    config.scaling_factor = 2.5;
    expect_row(identity_router(config)->forward(row(kGoldenLogits), {}).weight_TK,
               {1.296532, 1.203468});
  }
}

TEST(TopKRouterTest, TakesTheLowerExpertWhenScoresTie) {
  TopKRouter router = identity_router({.num_experts = 7, .num_experts_per_tok = 3});
  const Routing all_tie = router->forward(row(std::vector<double>(7, 0.5)), {});
  expect_row(all_tie.expert_idx_TK, {0, 1, 2});
  const Routing some_tie = router->forward(row({0, 1, 2, 1, 2, 1, 0}), {});
  expect_row(some_tie.expert_idx_TK, {2, 4, 1});
}

TEST(TopKRouterTest, ChoosesAmongLogitsWhereScoresRoundToTheSame) {
  TopKRouter router = identity_router(
      {.num_experts = 4, .num_experts_per_tok = 2, .score = RouterScore::kSigmoid}, at::kFloat);
  const Routing routing = router->forward(row({40, 30, 50, 45}).to(at::kFloat), {});
  expect_row(routing.expert_idx_TK, {2, 3});
}

TEST(TopKRouterTest, ANanRowGetsValidDistinctExperts) {
  TopKRouter router = identity_router({.num_experts = 5, .num_experts_per_tok = 3});
  const at::Tensor x_TD = random_tensor({3, 5}, at::kDouble, "x");
  x_TD[1].fill_(std::numeric_limits<double>::quiet_NaN());
  const Routing routing = router->forward(x_TD, {});
  for (int64_t t = 0; t < 3; ++t) {
    std::set<int> experts;
    for (int64_t k = 0; k < 3; ++k) {
      const int expert = routing.expert_idx_TK[t][k].item<int>();
      EXPECT_TRUE(expert >= 0 && expert < 5) << expert;
      experts.insert(expert);
    }
    EXPECT_EQ(experts.size(), 3U);
  }
  EXPECT_TRUE(routing.weight_TK[1].isnan().all().item<bool>());
  EXPECT_TRUE(routing.weight_TK[0].isfinite().all().item<bool>());
}

TEST(TopKRouterTest, CountsSumToTheSlotsForEverySize) {
  for (const RouterConfig& config : every_router()) {
    TopKRouter router(6, config, at::kDouble);
    const int64_t K = config.num_experts_per_tok;
    for (const int64_t T : {0, 1, 7, 15, 16, 17}) {
      const Routing routing = router->forward(random_tensor({T, 6}, at::kDouble, "x"), {});
      EXPECT_EQ(routing.expert_idx_TK.sizes(), at::IntArrayRef({T, K}));
      EXPECT_EQ(routing.weight_TK.sizes(), at::IntArrayRef({T, K}));
      EXPECT_EQ(routing.num_tokens_E.sum().item<int64_t>(), T * K);
      EXPECT_EQ(routing.num_dropped, 0);
      EXPECT_TRUE(routing.prob_TE.sum(1).sub(1.0).abs().lt(1e-12).all().item<bool>());
    }
  }
}

TEST(TopKRouterTest, GradientsMatchTheNumericJacobian) {
  for (const RouterConfig& config : every_router()) {
    SCOPED_TRACE(text_of(config));
    TopKRouter router(3, config, at::kDouble);
    fill_randomly(*router);
    const std::vector<at::Tensor> inputs = {random_tensor({4, 3}, at::kDouble, "x"),
                                            router->parameters()[0]};
    for (at::Tensor Routing::*const result :
         {&Routing::weight_TK, &Routing::prob_TE, &Routing::logit_TE}) {
      expect_gradients(
          [&](const std::vector<at::Tensor>& values) {
            return router->forward(values[0], {}).*result;
          },
          inputs);
    }
  }
}

TEST(TopKRouterTest, RoutesInFloatOrDouble) {
  for (const auto& [model, routing_dtype] : {std::pair{at::kBFloat16, at::kFloat},
                                             std::pair{at::kFloat, at::kFloat},
                                             std::pair{at::kDouble, at::kDouble}}) {
    TopKRouter router(6, RouterConfig{}, model);
    EXPECT_EQ(router->parameters()[0].scalar_type(), routing_dtype);
    const Routing routing = router->forward(random_tensor({3, 6}, model, "x"), {});
    for (const at::Tensor& tensor : {routing.logit_TE, routing.prob_TE, routing.weight_TK}) {
      EXPECT_EQ(tensor.scalar_type(), routing_dtype);
    }
  }
}

TEST(TopKRouterTest, TokensKeepTheirRouteWhereverTheyStand) {
  TopKRouter router(6, RouterConfig{}, at::kDouble);
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const at::Tensor order_T = at::arange(8, -1, -1);
  expect_bitwise_equal(router->forward(x_TD.index_select(0, order_T), {}).expert_idx_TK,
                       router->forward(x_TD, {}).expert_idx_TK.index_select(0, order_T));
}

TEST(TopKRouterTest, DescribesItsWeight) {
  TopKRouter router(6, RouterConfig{.num_experts = 3}, at::kFloat);
  const std::vector<Parameter> described = router->describe_parameters("model.layers.0.mlp");
  ASSERT_EQ(described.size(), 1U);
  EXPECT_EQ(described[0].name, "model.layers.0.mlp.gate.weight");
  EXPECT_EQ(described[0].tensor.sizes(), at::IntArrayRef({3, 6}));
  EXPECT_EQ(described[0].decay, DecayClass::kNoDecay);
  EXPECT_EQ(described[0].initial.kind, InitialValue::Kind::kNormal);
}

TEST(TopKRouterTest, RefusesTokensOfAnotherShape) {
  TopKRouter router(6, RouterConfig{}, at::kFloat);
  expect_error<ShapeError>(
      [&] {
        router->forward(at::full({4, 5}, 1.0), {});
      },
      "x_TD has the wrong shape: expected [*, 6] found [4, 5]");
  expect_error<ShapeError>([&] { router->forward(at::full({6}, 1.0), {}); },
                           "x_TD has the wrong shape: expected [*, 6] found [6]");
}

TEST(TopKRouterTest, ReportsEveryFaultOfItsConfigAtOnce) {
  const RouterConfig config{.num_experts = 0, .num_experts_per_tok = 1, .scaling_factor = 0.0};
  const std::vector<std::string> faults = {
      "router.num_experts = 0: must be at least 1",
      "router.num_experts_per_tok = 1: must be from 1 to num_experts=0",
      "router.norm_topk_prob = true: must be false when num_experts_per_tok is 1",
      "router.scaling_factor = 0: must be finite and above 0"};
  for (const std::string& fault : faults) {
    expect_error<ConfigError>([&] { config.validate(); }, fault);
    expect_error<ConfigError>([&] { TopKRouter router(6, config, at::kFloat); }, fault);
  }
  expect_error<ConfigError>([&] { TopKRouter router(0, config, at::kFloat); },
                            "router.hidden_size = 0: must be at least 1");
  const RouterConfig unscaled{.scaling_factor = std::numeric_limits<double>::infinity()};
  expect_error<ConfigError>([&] { unscaled.validate(); }, "router.scaling_factor = inf");
}

TEST(TopKRouterTest, RefusesASoftmaxOverOneChosenExpert) {
  RouterConfig config{.num_experts_per_tok = 1, .score_after_topk = true, .norm_topk_prob = false};
  expect_error<ConfigError>([&] { config.validate(); },
                            "router.score_after_topk = true: must be false when "
                            "num_experts_per_tok is 1 and the score is "
                            "softmax");
  config.score = RouterScore::kSigmoid;
  EXPECT_NO_THROW(config.validate());
}

}  // namespace
}  // namespace hecaton::moe
