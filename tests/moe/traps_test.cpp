// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Faults that MoE training systems have had in public, each with the test that would have caught
// it. The numbers name the fault; other folders test the others.

#include <memory>
#include <vector>

#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "moe/local_dispatcher.h"
#include "moe/module_experts.h"
#include "moe/moe_layer.h"
#include "moe/top_k_router.h"
#include "tests/moe/fake_ranks.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/thread_count.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_same_bits_for_every_thread_count;
using testing::random_tensor;

at::Tensor router_grad(MoeLayer& layer, const at::Tensor& x_TD, const RoutingContext& context) {
  const NamedTensors parameters = parameters_of(*layer);
  // A gradient of zeros for y: what is left is the gradient of the losses.
  layer->forward(x_TD, context).mul(0.0).sum().backward();
  return take_grads(parameters).at("router.weight");
}

MoeLayerConfig config_with(const RoutingLossConfig& loss) {
  MoeLayerConfig config = small_config();
  config.losses = {loss};
  return config;
}

TEST(TrapsTest, Trap02ScaleOfALossDoesNotDependOnTheCut) {
  const at::Tensor x_TD = random_tensor({12, 6}, at::kDouble, "x");
  RoutingContext context;
  context.num_loss_tokens = 12;
  MoeLayer layer = random_layer(config_with({"z", 1.0}));
  const at::Tensor whole = router_grad(layer, x_TD, context);
  for (const int64_t num_micro_batches : {2, 4}) {
    at::Tensor sum = at::zeros_like(whole);
    for (const at::Tensor& part_TD : x_TD.chunk(num_micro_batches)) {
      sum += router_grad(layer, part_TD, context);
    }
    expect_close(sum, whole, kDoubleFactor);
  }
}

TEST(TrapsTest, Trap02SwitchLossDoesNotDependOnTheNumberOfRanks) {
  const at::Tensor x_TD = random_tensor({12, 6}, at::kDouble, "x");
  for (const int64_t num_loss_tokens : {0, 48}) {  // unknown, and four micro-batches
    RoutingContext context;
    context.num_loss_tokens = num_loss_tokens;
    MoeLayer layer = random_layer(config_with({"switch", 1.0}));
    const at::Tensor whole = router_grad(layer, x_TD, context);
    EXPECT_GT(whole.abs().max().item<double>(), 1e-4);
    std::vector<at::Tensor> of_rank(2);
    FakeRanks::run(2, [&](int rank, CountReducer& counts) {
      RoutingContext of_this_rank = context;
      of_this_rank.counts = &counts;
      MoeLayer copy = random_layer(config_with({"switch", 1.0}));
      of_rank[static_cast<size_t>(rank)] =
          router_grad(copy, x_TD.narrow(0, int64_t{5} * rank, rank == 0 ? 5 : 7), of_this_rank);
    });
    expect_close(of_rank[0] + of_rank[1], whole, kDoubleFactor);
  }
}

TEST(TrapsTest, Trap03LossesReachTheRouterAndLeaveTheOutputAlone) {
  const at::Tensor x_TD = random_tensor({9, 6}, at::kDouble, "x");
  for (const char* type : {"switch", "z"}) {
    MoeLayer off = random_layer(config_with({type, 0.0}));
    MoeLayer on = random_layer(config_with({type, 1.0}));
    const NamedTensors without = run_layer(off, x_TD);
    const NamedTensors with = run_layer(on, x_TD);
    expect_bitwise_equal(with.at("y"), without.at("y"));
    const at::Tensor difference = with.at("router.weight") - without.at("router.weight");
    EXPECT_GT(difference.abs().max().item<double>(), 1e-3);
    for (const char* name : {"experts.up", "experts.down"}) {
      expect_bitwise_equal(with.at(name), without.at(name));
    }
  }
}

TEST(TrapsTest, Trap04ACastOfTheModelLeavesTheRouterInFloat) {
  MoeLayer layer = random_layer(small_config(at::kBFloat16));
  layer->to(at::kBFloat16);
  layer->forward(random_tensor({4, 6}, at::kBFloat16, "x"));
  EXPECT_EQ(layer->last_routing().prob_TE.scalar_type(), at::kFloat);
  EXPECT_EQ(layer->last_routing().weight_TK.scalar_type(), at::kFloat);
}

TEST(TrapsTest, Trap09RecomputationNeitherReroutesNorCountsTwice) {
  MoeLayerConfig config = small_config();
  config.capacity.factor = 0.75;
  config.losses = {{"switch", 0.5}, {"z", 0.25}};
  for (const bool is_after : {false, true}) {
    config.router.score_after_topk = is_after;
    MoeLayer layer = random_layer(config);
    const at::Tensor x_TD = random_tensor({11, 6}, at::kDouble, "x");
    const NamedTensors expected = run_layer(layer, x_TD);
    const Routing recorded = layer->last_routing();
    const LoadStats stats = layer->stats();
    EXPECT_GT(stats.num_dropped, 0);

    RoutingContext context;
    context.phase = Phase::kRecompute;
    context.replay = &recorded;
    expect_all_bitwise_equal(run_layer(layer, x_TD, context), expected);
    EXPECT_TRUE(layer->stats().num_tokens_E.is_same(stats.num_tokens_E));
    EXPECT_TRUE(layer->last_routing().expert_idx_TK.is_same(recorded.expert_idx_TK));

    // A step later the numbers are those of the new tokens, not of the recomputation.
    run_layer(layer, x_TD.narrow(0, 0, 3));
    EXPECT_EQ(layer->stats().num_tokens, 3);
  }
}

TEST(TrapsTest, Trap16LossesCountEveryExpertOfTheLayer) {
  // All tokens go to expert 0 of 8: a rank that holds few experts must still multiply by 8.
  MoeLayerConfig config = config_with({"switch", 1.0});
  config.router = {.num_experts = 8, .num_experts_per_tok = 1, .norm_topk_prob = false};
  MoeLayer layer = random_layer(config);
  const at::NoGradGuard no_grad;
  const at::Tensor weight_ED = parameters_of(*layer).at("router.weight");
  weight_ED.zero_();
  weight_ED[0].fill_(100.0);
  layer->forward(random_tensor({5, 6}, at::kDouble, "x").abs() + 1.0);
  EXPECT_NEAR(layer->stats().losses.at("switch"), 8.0, 1e-9);
}

TEST(TrapsTest, Trap18TwoRunsAndAnyThreadCountGiveTheSameBits) {
  MoeLayerConfig config = small_config(at::kFloat);
  config.hidden_size = 32;
  config.moe_intermediate_size = 48;
  config.shared_expert_intermediate_size = 16;
  config.router.num_experts = 8;
  config.losses = {{"switch", 0.5}, {"z", 0.25}};
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({513, 32}, at::kFloat, "x");
  const auto compute = [&] {
    std::vector<at::Tensor> results;
    for (const auto& [name, tensor] : run_layer(layer, x_TD)) {
      results.push_back(tensor);
    }
    return results;
  };
  const std::vector<at::Tensor> first = compute();
  const std::vector<at::Tensor> second = compute();
  for (size_t i = 0; i < first.size(); ++i) {
    expect_bitwise_equal(second[i], first[i]);
  }
  expect_same_bits_for_every_thread_count(compute);
}

/// Gives every row back as it came.
struct IdentityImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x_TD) { return x_TD.clone(); }
};
TORCH_MODULE(Identity);

TEST(TrapsTest, Trap19EveryTokenComesBackToItsOwnRow) {
  constexpr int64_t E = 8;
  for (const int64_t T : {1, 2, 13, 31, 32, 33}) {
    for (const int64_t num_chunks : {1, 3}) {
      MoeLayer layer(
          TopKRouter(2, RouterConfig{.num_experts = E, .num_experts_per_tok = 3}, at::kDouble)
              .ptr(),
          ModuleExperts(E, [] { return torch::nn::AnyModule(Identity()); }).ptr(),
          Ffn(nullptr),
          std::make_shared<LocalDispatcher>(),
          CapacityConfig{},
          std::vector<RoutingLossConfig>{});
      fill_randomly(*layer);
      layer->set_num_chunks(num_chunks);
      // Each row is tagged with its origin; its weights sum to 1.
      const at::Tensor tag_T = at::arange(1.0, static_cast<double>(T) + 1.0).to(at::kDouble);
      const at::Tensor x_TD = at::stack({tag_T, random_tensor({T}, at::kDouble, "x")}, 1);
      expect_close(layer->forward(x_TD), x_TD, kDoubleFactor);
    }
  }
}

}  // namespace
}  // namespace hecaton::moe
