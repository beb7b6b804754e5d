// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/aux_loss.h"

#include <limits>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "core/error.h"
#include "moe/registry.h"
#include "moe/top_k_router.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/gradient_check.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random_tensor;

const at::TensorOptions kDoubles = at::TensorOptions().dtype(at::kDouble);
const RoutingLossConfig kSwitchLoss{"switch", 1.0};
const RoutingLossConfig kZLoss{"z", 1.0};

RoutingLossShares shares_of(const std::vector<RoutingLossConfig>& configs,
                            const RoutingContext& context,
                            const Routing& routing) {
  return routing_losses(make_routing_losses(configs), context, routing);
}

/// The routing of these logits.
Routing route(const at::Tensor& logit_TE, RouterConfig config = {}) {
  config.num_experts = logit_TE.size(1);
  TopKRouter router(config.num_experts, config, at::kDouble);
  const at::NoGradGuard no_grad;
  router->parameters()[0].copy_(at::eye(config.num_experts));
  return router->forward(logit_TE, {});
}

at::Tensor golden_logits() {
  return at::tensor({1., -.5, 2., .25, 0., 1., 0., -1., .5, .5, 1.5, -2.}, kDoubles).view({3, 4});
}

TEST(AuxLossTest, GoldenValues) {
  const Routing routing = route(golden_logits());
  expect_bitwise_equal(routing.num_tokens_E,
                       at::tensor({3, 1, 2, 0}, at::TensorOptions().dtype(at::kLong)));
  const RoutingLossShares shares = shares_of({{"switch", 0.5}, {"z", 0.25}}, {}, routing);
  EXPECT_NEAR(shares.by_type.at("switch"), 1.210061, 5e-7);
  EXPECT_NEAR(shares.by_type.at("z"), 4.366318, 5e-7);
  EXPECT_NEAR(shares.total.item<double>(), 0.5 * 1.210061 + 0.25 * 4.366318, 5e-7);
}

TEST(AuxLossTest, SwitchLossIsOneAtPerfectBalanceForEveryK) {
  const at::Tensor logit_TE = 3.0 * at::eye(4, kDoubles);
  for (const int64_t K : {1, 4}) {
    const Routing routing = route(logit_TE, {.num_experts_per_tok = K, .norm_topk_prob = K > 1});
    EXPECT_NEAR(shares_of({kSwitchLoss}, {}, routing).by_type.at("switch"), 1.0, 1e-12);
  }
}

TEST(AuxLossTest, SwitchLossOfASigmoidRouterReadsNormalisedScores) {
  const at::Tensor logit_TE = golden_logits();
  const Routing routing = route(logit_TE, {.score = RouterScore::kSigmoid});
  const at::Tensor score_TE = logit_TE.sigmoid();
  const at::Tensor prob_E = (score_TE / score_TE.sum(1, /*keepdim=*/true)).mean(0);
  const at::Tensor fraction_E = at::tensor({3., 1., 2., 0.}, kDoubles) / 6.0;
  EXPECT_NEAR(shares_of({kSwitchLoss}, {}, routing).by_type.at("switch"),
              4.0 * (fraction_E * prob_E).sum().item<double>(),
              1e-12);
}

TEST(AuxLossTest, GradientsMatchTheNumericJacobian) {
  for (const RouterScore score : {RouterScore::kSoftmax, RouterScore::kSigmoid}) {
    TopKRouter router(3, RouterConfig{.num_experts = 4, .score = score}, at::kDouble);
    fill_randomly(*router);
    const std::vector<at::Tensor> inputs = {random_tensor({5, 3}, at::kDouble, "x"),
                                            router->parameters()[0]};
    for (const RoutingLossConfig& loss : {kSwitchLoss, kZLoss}) {
      expect_gradients(
          [&](const std::vector<at::Tensor>& values) {
            return shares_of({loss}, {}, router->forward(values[0], {})).total;
          },
          inputs);
    }
  }
}

TEST(AuxLossTest, TheStepsTokensDivide) {
  const Routing routing = route(golden_logits());
  RoutingContext context;
  context.num_loss_tokens = 30;  // ten times the tokens of this call
  const RoutingLossShares alone = shares_of({kSwitchLoss, kZLoss}, {}, routing);
  const RoutingLossShares share = shares_of({kSwitchLoss, kZLoss}, context, routing);
  EXPECT_NEAR(share.by_type.at("switch"), alone.by_type.at("switch") / 10, 1e-15);
  EXPECT_NEAR(share.by_type.at("z"), alone.by_type.at("z") / 10, 1e-15);
}

TEST(AuxLossTest, NoTokensLoseNothing) {
  const Routing routing = route(at::full({0, 4}, 0.0, kDoubles));
  const RoutingLossShares shares = shares_of({kSwitchLoss, kZLoss}, {}, routing);
  EXPECT_EQ(shares.total.item<double>(), 0.0);
  EXPECT_FALSE(shares_of({}, {}, routing).total.defined());
}

/// Counts how often it is asked.
class AskedCounts final : public CountReducer {
 public:
  at::Tensor sum(const at::Tensor& counts_E) override {
    ++num_sums;
    return counts_E;
  }
  at::Tensor exclusive_scan(const at::Tensor& counts_E) override {
    ADD_FAILURE() << "a loss needs no scan";
    return at::zeros_like(counts_E);
  }
  int num_sums = 0;
};

TEST(AuxLossTest, AsksForCountsOnceOrNotAtAll) {
  const Routing routing = route(golden_logits());
  AskedCounts counts;
  RoutingContext context;
  context.counts = &counts;
  const auto num_sums = [&](const std::vector<RoutingLossConfig>& losses, int64_t num_loss_tokens) {
    counts.num_sums = 0;
    context.num_loss_tokens = num_loss_tokens;
    shares_of(losses, context, routing);
    return counts.num_sums;
  };
  EXPECT_EQ(num_sums({kSwitchLoss, kZLoss}, 0), 1);
  EXPECT_EQ(num_sums({kSwitchLoss, kZLoss, kSwitchLoss}, 5), 1);
  EXPECT_EQ(num_sums({kZLoss}, 0), 1);
  EXPECT_EQ(num_sums({kZLoss}, 5), 0);
  EXPECT_EQ(num_sums({}, 0), 0);
}

TEST(AuxLossTest, AnAttachedLossGetsAGradientOfOneAndChangesNothingElse) {
  const at::Tensor x = random_tensor({3, 2}, at::kDouble, "x").requires_grad_();
  const at::Tensor loss = random_tensor({}, at::kDouble, "loss").requires_grad_();
  const at::Tensor y = attach_loss(2.0 * x, loss);
  expect_bitwise_equal(y, 2.0 * x);
  const at::Tensor dy = random_tensor({3, 2}, at::kDouble, "gradient of y");
  y.backward(dy);
  expect_bitwise_equal(x.grad(), 2.0 * dy);
  expect_bitwise_equal(loss.grad(), at::ones_like(loss));
  EXPECT_TRUE(attach_loss(x, {}).is_same(x));
}

TEST(AuxLossTest, AnAttachedLossTrainsBehindAnOutputThatNeedsNoGradient) {
  const at::Tensor loss = random_tensor({}, at::kDouble, "loss").requires_grad_();
  attach_loss(random_tensor({3}, at::kDouble, "y"), loss).sum().backward();
  expect_bitwise_equal(loss.grad(), at::ones_like(loss));
}

TEST(AuxLossTest, RouterGradientIsLinearInTheCoefficient) {
  MoeLayerConfig config = small_config();
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  const auto router_grad = [&](double coef) {
    config.losses = {{"switch", coef}, {"z", 2.0 * coef}};
    MoeLayer layer = random_layer(config);
    return run_layer(layer, x_TD).at("router.weight");
  };
  const at::Tensor grad_0 = router_grad(0.0);
  const at::Tensor slope = router_grad(1.0) - grad_0;
  EXPECT_GT(slope.abs().max().item<double>(), 1e-3);
  expect_close(router_grad(3.0), grad_0 + 3.0 * slope, kDoubleFactor);
}

TEST(AuxLossTest, RefusesABadCoefficient) {
  for (const double coef : {-1.0, std::numeric_limits<double>::infinity()}) {
    ConfigFaults faults("losses");
    RoutingLossConfig{"z", coef}.collect_faults(faults);
    expect_error<ConfigError>([&] { faults.throw_if_any(); }, "must be finite and at least 0");
  }
}

}  // namespace
}  // namespace hecaton::moe
