// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <limits>
#include <map>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include "moe/moe_layer.h"
#include "tests/moe/dense_layer.h"
#include "tests/moe/layer_run.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::random_tensor;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// In these cases fresh memory holds NaN, so a result that was read before it was written shows.
class MoeLayerHardCasesTest : public ::testing::Test {
 public:
  MoeLayerHardCasesTest() { poison_fresh_memory(true); }
  ~MoeLayerHardCasesTest() override { poison_fresh_memory(false); }

 private:
  static void poison_fresh_memory(bool is_poisoned) {
    at::globalContext().setDeterministicAlgorithms(is_poisoned, /*warn_only=*/false);
    at::globalContext().setDeterministicFillUninitializedMemory(is_poisoned);
  }
};

bool is_zero(const at::Tensor& tensor) {
  return tensor.eq(0).all().item<bool>();
}

/// Everything that a layer can have, in two chunks.
MoeLayer full_layer() {
  MoeLayerConfig config = small_config();
  config.shared_expert_intermediate_size = 3;
  config.capacity.factor = 1.0;
  config.losses = {{"switch", 0.5}, {"z", 0.25}};
  MoeLayer layer = random_layer(config);
  layer->set_num_chunks(2);
  return layer;
}

TEST_F(MoeLayerHardCasesTest, FreshMemoryIsPoisoned) {
  EXPECT_TRUE(at::empty({8}).isnan().all().item<bool>());
}

TEST_F(MoeLayerHardCasesTest, ZeroTokensGiveZeroGradients) {
  MoeLayer layer = full_layer();
  const NamedTensors result = run_layer(layer, random_tensor({0, 6}, at::kDouble, "x"));
  EXPECT_EQ(result.size(), 2 + layer->parameters().size());
  EXPECT_EQ(result.at("y").sizes(), at::IntArrayRef({0, 6}));
  for (const auto& [name, tensor] : result) {
    EXPECT_TRUE(is_zero(tensor)) << name;
  }
  EXPECT_EQ(layer->stats().num_tokens, 0);
  EXPECT_EQ(layer->stats().losses, (std::map<std::string, double>{{"switch", 0.0}, {"z", 0.0}}));
}

TEST_F(MoeLayerHardCasesTest, OneExpertTakesAllTokens) {
  MoeLayerConfig config = small_config();
  config.router.num_experts_per_tok = 1;
  config.router.norm_topk_prob = false;
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({13, 6}, at::kDouble, "x");
  x_TD.select(1, 0).fill_(10.0);
  {
    const at::NoGradGuard no_grad;
    at::Tensor column_E = parameters_of(*layer).at("router.weight").select(1, 0);
    column_E.copy_(at::tensor({0.0, 0.0, 1.0, 0.0}));
  }
  const NamedTensors leaves = double_leaves(layer);
  const NamedTensors actual = run_layer(layer, x_TD);
  expect_bitwise_equal(layer->stats().num_tokens_E,
                       at::tensor({0, 0, 13, 0}, at::TensorOptions().dtype(at::kLong)));
  expect_all_close(
      actual,
      run([&](const at::Tensor& leaf) { return dense_layer(config, leaves, leaf); }, x_TD, leaves),
      kDoubleFactor);
}

TEST_F(MoeLayerHardCasesTest, FewerTokensThanExpertsLeaveExactZeroGradientsInTheIdle) {
  MoeLayerConfig config = small_config();
  config.router.num_experts = 16;
  MoeLayer layer = random_layer(config);
  const at::Tensor x_TD = random_tensor({3, 6}, at::kDouble, "x");
  const NamedTensors leaves = double_leaves(layer);
  const NamedTensors actual = run_layer(layer, x_TD);
  expect_all_close(
      actual,
      run([&](const at::Tensor& leaf) { return dense_layer(config, leaves, leaf); }, x_TD, leaves),
      kDoubleFactor);
  const at::Tensor is_idle_E = layer->stats().num_tokens_E.eq(0);
  EXPECT_GE(is_idle_E.sum().item<int64_t>(), 10);
  for (const char* name : {"experts.up", "experts.down"}) {
    for (int64_t e = 0; e < 16; ++e) {
      EXPECT_EQ(is_zero(actual.at(name)[e]), is_idle_E[e].item<bool>()) << name << " " << e;
    }
  }
}

TEST_F(MoeLayerHardCasesTest, UnusedSlotsAddNothing) {
  MoeLayer layer = random_layer(small_config());
  const at::Tensor x_TD = random_tensor({4, 6}, at::kDouble, "x");
  Routing recorded;
  recorded.expert_idx_TK =
      at::tensor({1, 2, -1, 3, -1, -1, 0, -1}, at::TensorOptions().dtype(at::kInt)).view({4, 2});
  RoutingContext context;
  context.replay = &recorded;
  const NamedTensors result = run_layer(layer, x_TD, context);
  for (const auto& [name, tensor] : result) {
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
  EXPECT_TRUE(is_zero(result.at("y")[2]));
  EXPECT_TRUE(is_zero(result.at("x")[2]));
  for (const int64_t t : {0, 1, 3}) {
    EXPECT_FALSE(is_zero(result.at("y")[t])) << t;
  }
  expect_bitwise_equal(layer->last_routing().weight_TK.eq(0), recorded.expert_idx_TK.lt(0));
}

TEST_F(MoeLayerHardCasesTest, NanInPaddingReachesNeitherOutputNorGradient) {
  MoeLayer layer = full_layer();
  const at::Tensor valid_TD = random_tensor({9, 6}, at::kDouble, "x");
  const NamedTensors expected = run_layer(layer, valid_TD);
  const LoadStats expected_stats = layer->stats();

  const at::Tensor nan_TD = at::full({2, 6}, kNan, valid_TD.options());
  const at::Tensor x_TD = at::cat({nan_TD, valid_TD, nan_TD});
  RoutingContext context;
  context.valid_T = at::full({13}, true, at::TensorOptions().dtype(at::kBool));
  context.valid_T.narrow(0, 0, 2).fill_(false);
  context.valid_T.narrow(0, 11, 2).fill_(false);
  const at::Tensor leaf = x_TD.clone().requires_grad_();
  const at::Tensor y_TD = layer->forward(leaf, context);
  // The gradient of padding is NaN too, as it is behind a norm of a NaN row.
  y_TD.backward(
      at::cat({nan_TD, random_tensor(valid_TD.sizes(), at::kDouble, "gradient of y"), nan_TD}));
  NamedTensors actual = take_grads(parameters_of(*layer));
  actual["y"] = y_TD.narrow(0, 2, 9);
  actual["x"] = leaf.grad().narrow(0, 2, 9);
  expect_all_bitwise_equal(actual, expected);
  for (const at::Tensor& tensor : {y_TD, leaf.grad()}) {
    EXPECT_TRUE(is_zero(tensor.narrow(0, 0, 2)) && is_zero(tensor.narrow(0, 11, 2)));
  }
  EXPECT_EQ(layer->stats().num_tokens, 9);
  EXPECT_EQ(layer->stats().num_dropped, expected_stats.num_dropped);
  EXPECT_EQ(layer->stats().losses, expected_stats.losses);
}

TEST_F(MoeLayerHardCasesTest, AllTokensPaddingGiveZeros) {
  MoeLayer layer = full_layer();
  RoutingContext context;
  context.valid_T = at::full({5}, false, at::TensorOptions().dtype(at::kBool));
  const NamedTensors result =
      run_layer(layer, at::full({5, 6}, kNan, at::TensorOptions().dtype(at::kDouble)), context);
  EXPECT_EQ(result.size(), 2 + layer->parameters().size());
  for (const auto& [name, tensor] : result) {
    EXPECT_TRUE(is_zero(tensor)) << name;
  }
}

TEST_F(MoeLayerHardCasesTest, ANanTokenLeavesTheOutputsOfOthersAlone) {
  MoeLayer layer = random_layer(small_config());
  const at::Tensor x_TD = random_tensor({7, 6}, at::kDouble, "x");
  const at::NoGradGuard no_grad;
  const at::Tensor expected_TD = layer->forward(x_TD);
  x_TD[3].fill_(kNan);
  const at::Tensor y_TD = layer->forward(x_TD);
  EXPECT_TRUE(y_TD[3].isnan().all().item<bool>());
  for (const int64_t t : {0, 1, 2, 4, 5, 6}) {
    expect_close(y_TD[t], expected_TD[t], kDoubleFactor);
  }
}

}  // namespace
}  // namespace hecaton::moe
