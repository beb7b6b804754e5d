// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <memory>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "moe/grouped_ffn.h"
#include "moe/local_dispatcher.h"
#include "moe/moe_layer.h"
#include "tests/moe/dense_layer.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;

constexpr int64_t kNumExperts = 5;

const at::TensorOptions kLongs = at::TensorOptions().dtype(at::kLong);
const at::TensorOptions kInts = at::TensorOptions().dtype(at::kInt);

/// A router of a user's own: the expert follows from what the context says about a token, the
/// weight from the number of MoE layers before.
class ContextRouterImpl final : public Router {
 public:
  Routing forward(const at::Tensor& x_TD, const RoutingContext& context) override {
    phase = context.phase;
    Routing routing;
    const at::Tensor sum_T = context.token_id_T + context.global_token_idx_T +
                             context.sequence_idx_T.to(at::kLong) + context.step + context.layer;
    routing.expert_idx_TK = sum_T.remainder(kNumExperts).to(at::kInt).unsqueeze(1);
    if (forgets_a_token) {
      routing.expert_idx_TK = routing.expert_idx_TK.narrow(0, 0, x_TD.size(0) - 1);
    }
    routing.next_state = context.previous_state.defined() ? context.previous_state + 1
                                                          : at::ones({1}, x_TD.options());
    routing.weight_TK = routing.next_state.expand({x_TD.size(0), 1}).contiguous();
    routing.logit_TE = at::zeros({x_TD.size(0), kNumExperts}, x_TD.options());
    routing.prob_TE = routing.logit_TE + 1.0 / kNumExperts;
    routing.num_tokens_E = count_tokens(routing.expert_idx_TK, kNumExperts);
    return routing;
  }
  int64_t num_experts() const override { return kNumExperts; }
  int64_t num_experts_per_tok() const override { return 1; }
  std::vector<Parameter> describe_parameters(const std::string& /*prefix*/) override { return {}; }

  Phase phase = Phase::kTrain;
  bool forgets_a_token = false;
};
TORCH_MODULE(ContextRouter);

MoeLayer layer_with(const std::shared_ptr<Router>& router) {
  MoeLayer layer(router,
                 GroupedFfn(GroupedFfnConfig{.num_local_experts = kNumExperts,
                                             .hidden_size = 6,
                                             .moe_intermediate_size = 5,
                                             .dtype = at::kDouble})
                     .ptr(),
                 Ffn(nullptr),
                 std::make_shared<LocalDispatcher>(),
                 CapacityConfig{},
                 std::vector<RoutingLossConfig>{});
  fill_randomly(*layer);
  return layer;
}

RoutingContext full_context() {
  RoutingContext context;
  context.token_id_T = at::tensor({7, 1, 8, 2, 8, 1}, kLongs);
  context.global_token_idx_T = at::arange(100, 106, kLongs);
  context.sequence_idx_T = at::tensor({0, 0, 0, 1, 1, 1}, kInts);
  context.step = 3;
  context.layer = 2;
  return context;
}

TEST(RoutingContextTest, ARouterOfTheUsersReadsAllOfIt) {
  const ContextRouter router;
  MoeLayer layer = layer_with(router.ptr());
  RoutingContext context = full_context();
  context.phase = Phase::kEval;
  layer->forward(random_tensor({6, 6}, at::kDouble, "x"), context);
  // (7+100+0+3+2) mod 5 and so on
  expect_bitwise_equal(layer->last_routing().expert_idx_TK,
                       at::tensor({2, 2, 0, 1, 3, 2}, kInts).unsqueeze(1));
  EXPECT_EQ(router->phase, Phase::kEval);
}

TEST(RoutingContextTest, PaddingIsTakenOutOfEveryField) {
  MoeLayer layer = layer_with(ContextRouter().ptr());
  RoutingContext context = full_context();
  context.valid_T = at::tensor({1, 0, 1, 0, 1, 1}, kInts).to(at::kBool);
  layer->forward(random_tensor({6, 6}, at::kDouble, "x"), context);
  expect_bitwise_equal(layer->last_routing().expert_idx_TK,
                       at::tensor({2, 0, 3, 2}, kInts).unsqueeze(1));
}

TEST(RoutingContextTest, StateGoesFromOneLayerToTheNext) {
  MoeLayer first = layer_with(ContextRouter().ptr());
  MoeLayer second = layer_with(ContextRouter().ptr());
  RoutingContext context = full_context();
  const at::Tensor x_TD = random_tensor({6, 6}, at::kDouble, "x");
  const at::Tensor y_TD = first->forward(x_TD, context);
  context.previous_state = first->last_routing().next_state;
  // The same experts with twice the weight.
  expect_close(second->forward(x_TD, context), 2.0 * y_TD, kDoubleFactor);
  EXPECT_EQ(second->last_routing().next_state.item<double>(), 2.0);
}

TEST(RoutingContextTest, ARecomputationHandsOnItsOwnState) {
  MoeLayer layer = layer_with(ContextRouter().ptr());
  RoutingContext context = full_context();
  const at::Tensor x_TD = random_tensor({6, 6}, at::kDouble, "x");
  layer->forward(x_TD, context);
  EXPECT_EQ(layer->take_next_state().item<double>(), 1.0);
  context.phase = Phase::kRecompute;
  context.previous_state = at::ones({1}, at::kDouble) * 5.0;
  layer->forward(x_TD, context);
  EXPECT_EQ(layer->take_next_state().item<double>(), 6.0);
  EXPECT_EQ(layer->last_routing().next_state.item<double>(), 1.0);
  EXPECT_FALSE(layer->take_next_state().defined());
}

TEST(RoutingContextTest, RefusesARouterThatForgetsAToken) {
  ContextRouter router;
  router->forgets_a_token = true;
  MoeLayer layer = layer_with(router.ptr());
  expect_error<InternalError>(
      [&] {
        layer->forward(random_tensor({6, 6}, at::kDouble, "x"), full_context());
      },
      "a router must decide for every token");
}

TEST(RoutingContextTest, AReplayUsesTheRecordedExpertsAndWeighsThemAnew) {
  const MoeLayerConfig config = small_config();
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({7, 6}, at::kDouble, "x");
  layer->forward(x_TD);
  const Routing recorded = layer->last_routing();
  {
    const at::NoGradGuard no_grad;
    parameters_of(*layer).at("router.weight").neg_();  // would choose other experts
  }
  RoutingContext context;
  context.replay = &recorded;
  const NamedTensors leaves = double_leaves(layer);
  const auto reference = [&](const at::Tensor& leaf) {
    return dense_layer(config, leaves, leaf, recorded.expert_idx_TK);
  };
  expect_all_close(run_layer(layer, x_TD, context), run(reference, x_TD, leaves), kDoubleFactor);
  expect_bitwise_equal(layer->last_routing().expert_idx_TK, recorded.expert_idx_TK);
  EXPECT_FALSE(layer->last_routing().weight_TK.equal(recorded.weight_TK));
}

TEST(RoutingContextTest, UnusedSlotsOfAReplayTakeNoPartInTheWeights) {
  for (const bool is_after : {false, true}) {
    SCOPED_TRACE(is_after);
    MoeLayerConfig config = small_config();
    config.router.score_after_topk = is_after;
    MoeLayer layer = random_layer(config);
    Routing recorded;
    recorded.expert_idx_TK = at::tensor({3, -1, -1, 2, 1, 2}, kInts).view({3, 2});
    RoutingContext context;
    context.replay = &recorded;
    layer->forward(random_tensor({3, 6}, at::kDouble, "x"), context);
    const at::Tensor& weight_TK = layer->last_routing().weight_TK;
    expect_bitwise_equal(weight_TK.narrow(0, 0, 2),
                         at::tensor({1.0, 0.0, 0.0, 1.0}).to(at::kDouble).view({2, 2}));
    EXPECT_NEAR(weight_TK[2].sum().item<double>(), 1.0, 1e-15);
    EXPECT_EQ(layer->stats().num_tokens_E.sum().item<int64_t>(), 4);
  }
}

TEST(RoutingContextTest, RefusesAReplayOfOtherTokensOrExperts) {
  MoeLayer layer = random_layer(small_config());
  const at::Tensor x_TD = random_tensor({3, 6}, at::kDouble, "x");
  Routing recorded;
  RoutingContext context;
  context.replay = &recorded;
  expect_error<ShapeError>(
      [&] { layer->forward(x_TD, context); },
      "expert_idx_TK of the replay has the wrong shape: expected [3, *] found no tensor");
  recorded.expert_idx_TK = at::zeros({2, 2}, kInts);
  expect_error<ShapeError>(
      [&] { layer->forward(x_TD, context); },
      "expert_idx_TK of the replay has the wrong shape: expected [3, *] found [2, 2]");
  recorded.expert_idx_TK = at::zeros({3, 2}, kLongs);
  expect_error<ShapeError>(
      [&] { layer->forward(x_TD, context); },
      "expert_idx_TK of the replay has the wrong dtype: expected Int found Long");
  recorded.expert_idx_TK = at::full({3, 2}, 4, kInts);
  expect_error<ShapeError>([&] { layer->forward(x_TD, context); },
                           "expert_idx_TK must be below E: found 4 E=4");
}

TEST(RoutingContextTest, LossesAreTrainedOnlyInTraining) {
  MoeLayerConfig config = small_config();
  MoeLayer plain = random_layer(config);
  config.losses = {{"switch", 1.0}};
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({7, 6}, at::kDouble, "x");
  RoutingContext context;
  context.phase = Phase::kEval;
  expect_all_bitwise_equal(run_layer(layer, x_TD, context), run_layer(plain, x_TD));
  EXPECT_TRUE(layer->stats().losses.empty());
}

TEST(RoutingContextTest, OneProcessCountsAlone) {
  LocalCounts counts;
  const at::Tensor counts_E = at::tensor({3, 0, 2}, kLongs);
  expect_bitwise_equal(counts.sum(counts_E), counts_E);
  expect_bitwise_equal(counts.exclusive_scan(counts_E), at::zeros({3}, kLongs));
}

}  // namespace
}  // namespace hecaton::moe
