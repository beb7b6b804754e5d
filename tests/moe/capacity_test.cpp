// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/capacity.h"

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "moe/router.h"
#include "tests/moe/fake_ranks.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"

namespace hecaton::moe {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

const at::TensorOptions kInts = at::TensorOptions().dtype(at::kInt);

/// A routing of these experts with weights of 1.
Routing routing_of(const at::Tensor& expert_idx_TK, int64_t E) {
  Routing routing;
  routing.expert_idx_TK = expert_idx_TK.clone();
  routing.weight_TK = at::ones(expert_idx_TK.sizes());
  routing.num_tokens_E = count_tokens(expert_idx_TK, E);
  return routing;
}

/// K distinct experts per token, in random order.
at::Tensor random_experts(int64_t T, int64_t E, int64_t K) {
  return at::argsort(random_tensor({T, E}, at::kDouble, "scores"))
      .narrow(1, 0, K)
      .to(at::kInt)
      .contiguous();
}

Routing limited(const CapacityConfig& config,
                const at::Tensor& expert_idx_TK,
                int64_t E,
                const RoutingContext& context = {}) {
  Routing routing = routing_of(expert_idx_TK, E);
  apply_capacity(config, context, routing);
  return routing;
}

TEST(CapacityTest, IsTheMeanLoadTimesTheFactorRoundedUp) {
  EXPECT_EQ(expert_capacity(1.0, 8, 1, 4), 2);
  EXPECT_EQ(expert_capacity(1.0, 9, 1, 4), 3);
  EXPECT_EQ(expert_capacity(1.25, 10, 2, 8), 4);
  EXPECT_EQ(expert_capacity(0.1, 1, 1, 64), 1);
  EXPECT_EQ(expert_capacity(2.0, 0, 2, 4), 0);
}

TEST(CapacityTest, IsComputedInIntegers) {
  EXPECT_EQ(std::ceil(1.1 * 50 / 5), 12.0);  // 1.1 * 50 is above 55 in doubles
  EXPECT_EQ(expert_capacity(1.1, 50, 1, 5), 11);
}

TEST(CapacityTest, IsAtMostTheNumberOfTokens) {
  EXPECT_EQ(expert_capacity(100.0, 5, 2, 4), 5);
  EXPECT_EQ(expert_capacity(1.0, 5, 8, 4), 5);
}

TEST(CapacityTest, RefusesSizesBeyond63Bits) {
  expect_error<ShapeError>([] { expert_capacity(1e6, int64_t{1} << 40, 8, 4); },
                           "does not fit into 63 bits");
}

TEST(CapacityTest, GoldenCase) {
  // 6 tokens, 2 experts each out of 3: ceil(0.75 * 6 * 2 / 3) = 3 slots per expert.
  const at::Tensor expert_idx_TK =
      at::tensor({0, 1, 0, 2, 1, 0, 0, 1, 2, 0, 1, 2}, kInts).view({6, 2});
  const Routing routing = limited({.factor = 0.75}, expert_idx_TK, 3);
  expect_bitwise_equal(routing.expert_idx_TK,
                       at::tensor({0, 1, 0, 2, 1, 0, -1, 1, 2, -1, -1, 2}, kInts).view({6, 2}));
  expect_bitwise_equal(routing.weight_TK, routing.expert_idx_TK.ge(0).to(at::kFloat));
  expect_bitwise_equal(routing.num_tokens_E,
                       at::tensor({3, 3, 3}, at::TensorOptions().dtype(at::kLong)));
  EXPECT_EQ(routing.num_dropped, 3);
}

/// First come, first served, told slot by slot.
void expect_first_come_first_served(const at::Tensor& asked_TK,
                                    const Routing& routing,
                                    int64_t capacity) {
  std::map<int, int64_t> num_asked;
  for (int64_t t = 0; t < asked_TK.size(0); ++t) {
    for (int64_t k = 0; k < asked_TK.size(1); ++k) {
      const int expert = asked_TK[t][k].item<int>();
      const bool is_kept = ++num_asked[expert] <= capacity;
      EXPECT_EQ(routing.expert_idx_TK[t][k].item<int>(), is_kept ? expert : -1);
      EXPECT_EQ(routing.weight_TK[t][k].item<double>(), is_kept ? 1.0 : 0.0);
    }
  }
}

TEST(TrapsTest, Trap12SmallSizesKeepEveryRuleOfCapacity) {
  for (int64_t E = 1; E <= 4; ++E) {
    for (int64_t K = 1; K <= E; ++K) {
      for (int64_t T = 0; T <= 6; ++T) {
        for (const double factor : {0.25, 1.0, 1.5, 8.0}) {
          SCOPED_TRACE(::testing::Message()
                       << "T=" << T << " E=" << E << " K=" << K << " factor=" << factor);
          const at::Tensor asked_TK = random_experts(T, E, K);
          const Routing routing = limited({.factor = factor}, asked_TK, E);
          const int64_t capacity = expert_capacity(factor, T, K, E);
          EXPECT_EQ(routing.num_tokens_E.sum().item<int64_t>() + routing.num_dropped, T * K);
          EXPECT_TRUE(routing.num_tokens_E.le(capacity).all().item<bool>());
          expect_first_come_first_served(asked_TK, routing, capacity);
        }
      }
    }
  }
}

TEST(CapacityTest, WithoutAFactorNothingIsDropped) {
  const at::Tensor expert_idx_TK = at::zeros({5, 1}, kInts);
  const Routing routing = limited({}, expert_idx_TK, 4);
  expect_bitwise_equal(routing.expert_idx_TK, expert_idx_TK);
  EXPECT_EQ(routing.num_dropped, 0);
}

TEST(CapacityTest, ASequenceDoesNotDependOnTheBatchAround) {
  const at::Tensor first_TK = random_experts(5, 4, 2);
  const at::Tensor second_TK = random_experts(7, 4, 2);
  const CapacityConfig config{.factor = 0.75};
  RoutingContext context;
  // Every other element of a longer tensor: a view with a stride.
  context.sequence_idx_T =
      at::cat({at::zeros({10}, kInts), at::ones({14}, kInts)}).slice(0, 0, 24, 2);
  const Routing both = limited(config, at::cat({first_TK, second_TK}), 4, context);
  const Routing first = limited(config, first_TK, 4);
  const Routing second = limited(config, second_TK, 4);
  EXPECT_GT(first.num_dropped, 0);
  expect_bitwise_equal(both.expert_idx_TK, at::cat({first.expert_idx_TK, second.expert_idx_TK}));
  EXPECT_EQ(both.num_dropped, first.num_dropped + second.num_dropped);
}

TEST(CapacityTest, ARankIsOneWindowWhateverItsSequences) {
  const at::Tensor expert_idx_TK = random_experts(8, 4, 2);
  const CapacityConfig config{.factor = 0.75, .scope = CapacityScope::kRank};
  RoutingContext context;
  context.sequence_idx_T = at::cat({at::zeros({4}, kInts), at::ones({4}, kInts)});
  expect_bitwise_equal(limited(config, expert_idx_TK, 4, context).expert_idx_TK,
                       limited({.factor = 0.75}, expert_idx_TK, 4).expert_idx_TK);
}

TEST(CapacityTest, AMicroBatchIsTheSameOnAnyNumberOfRanks) {
  const at::Tensor expert_idx_TK = random_experts(13, 4, 2);
  const CapacityConfig config{.factor = 0.75, .scope = CapacityScope::kMicroBatch};
  const Routing whole = limited(config, expert_idx_TK, 4);
  EXPECT_GT(whole.num_dropped, 0);
  // Uneven parts, one of them empty.
  const std::vector<at::Tensor> parts = {
      expert_idx_TK.narrow(0, 0, 4), expert_idx_TK.narrow(0, 4, 0), expert_idx_TK.narrow(0, 4, 9)};
  std::vector<Routing> of_rank(parts.size());
  FakeRanks::run(3, [&](int rank, CountReducer& counts) {
    RoutingContext context;
    context.counts = &counts;
    const auto idx = static_cast<size_t>(rank);
    of_rank[idx] = limited(config, parts[idx], 4, context);
  });
  expect_bitwise_equal(
      at::cat({of_rank[0].expert_idx_TK, of_rank[1].expert_idx_TK, of_rank[2].expert_idx_TK}),
      whole.expert_idx_TK);
  EXPECT_EQ(of_rank[0].num_dropped + of_rank[1].num_dropped + of_rank[2].num_dropped,
            whole.num_dropped);
}

TEST(CapacityTest, ADroppedSlotPassesNoGradient) {
  Routing routing = routing_of(at::zeros({3, 1}, kInts), 3);
  const at::Tensor weight_TK = at::ones({3, 1}).requires_grad_();
  routing.weight_TK = weight_TK * 2.0;
  apply_capacity({.factor = 1.0}, {}, routing);
  routing.weight_TK.sum().backward();
  expect_bitwise_equal(weight_TK.grad(), at::tensor({2.0, 0.0, 0.0}).to(at::kFloat).view({3, 1}));
}

TEST(CapacityTest, ATokenThatIsDroppedEverywhereGetsNothing) {
  MoeLayerConfig config = small_config();
  config.router.num_experts_per_tok = 1;
  config.router.norm_topk_prob = false;
  config.capacity.factor = 1.0;
  MoeLayer layer = random_layer(config);
  {
    const at::NoGradGuard no_grad;
    parameters_of(*layer).at("router.weight").zero_();  // expert 0 takes every tie
  }
  const NamedTensors result = run_layer(layer, random_tensor({8, 6}, at::kDouble, "x"));
  for (const char* name : {"y", "x"}) {
    const at::Tensor is_zero_T = result.at(name).eq(0).all(1);
    EXPECT_EQ(is_zero_T.narrow(0, 0, 2).sum().item<int64_t>(), 0) << name;
    EXPECT_EQ(is_zero_T.narrow(0, 2, 6).sum().item<int64_t>(), 6) << name;
  }
}

TEST(CapacityTest, RefusesABadFactor) {
  for (const double factor :
       {0.0, -1.0, 9e-7, 1.1e6, 1e300, std::numeric_limits<double>::infinity(), std::nan("")}) {
    ConfigFaults faults("moe");
    CapacityConfig{.factor = factor}.collect_faults(faults);
    expect_error<ConfigError>([&] { faults.throw_if_any(); }, "must be from 1e-06 to 1e+06");
    EXPECT_EQ(faults.faults()[0].path, "moe.capacity_factor");
  }
  ConfigFaults none("moe");
  for (const std::optional<double> factor : {std::optional<double>(), {1e-6}, {1.25}, {1e6}}) {
    CapacityConfig{.factor = factor}.collect_faults(none);
  }
  EXPECT_TRUE(none.faults().empty());
}

}  // namespace
}  // namespace hecaton::moe
