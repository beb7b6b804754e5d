// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// An MoE layer whose experts are spread over the ranks, against the same layer on one process.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "moe/moe_layer.h"
#include "parallel/all_to_all_dispatcher.h"
#include "parallel/count_reducer.h"
#include "tests/moe/layer_run.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

using moe::kDoubleFactor;
using moe::MoeLayer;
using moe::NamedTensors;
using testing::expect_bitwise_equal;
using testing::expect_close;

constexpr uint64_t kSeed = 7;

moe::MoeLayerConfig layer_config() {
  moe::MoeLayerConfig config = moe::small_config();
  config.router.num_experts = 8;  // divisible by every world
  config.shared_expert_intermediate_size = 3;
  config.losses = {{"switch", 0.5}, {"z", 0.25}};
  return config;
}

/// This rank's experts out of a tensor of all.
at::Tensor own_experts(const at::Tensor& all_E, const Communicator& ep) {
  const int64_t count = all_E.size(0) / ep.size();
  return all_E.narrow(0, ep.rank() * count, count);
}

bool is_expert(const std::string& name) {
  return name.rfind("experts.", 0) == 0;
}

TEST(TrapsTest, Trap14AnExpertStartsFromTheSameWeightsOnAnyRank) {
  static std::mutex generator;  // LibTorch's own, which the ranks on threads share
  on_each_world([](std::shared_ptr<Communicator> world) {
    const auto dispatcher = std::make_shared<AllToAllDispatcher>(world);
    std::unique_lock<std::mutex> lock(generator);
    at::manual_seed(5);
    MoeLayer layer(layer_config(), dispatcher);
    at::manual_seed(5);
    MoeLayer alone(layer_config());
    lock.unlock();
    for (const bool is_named : {false, true}) {
      if (is_named) {
        layer->initialize("mlp", kSeed);
        alone->initialize("mlp", kSeed);
      }
      for (const auto& [name, parameter] : moe::parameters_of(*layer)) {
        const at::Tensor whole = moe::parameters_of(*alone).at(name);
        SCOPED_TRACE(name);
        expect_bitwise_equal(parameter, is_expert(name) ? own_experts(whole, *world) : whole);
      }
    }
  });
}

TEST(TrapsTest, Trap14NoTwoExpertsStartAlike) {
  on_each_world([](std::shared_ptr<Communicator> world) {
    MoeLayer layer(layer_config(), std::make_shared<AllToAllDispatcher>(world));
    const at::Tensor own = layer->experts().weights().tensors[0].detach();
    const at::Tensor all = at::empty({world->size() * own.numel()}, own.options());
    world->all_gather(own, all);
    const at::Tensor expert_E = all.view({8, -1});
    for (int64_t a = 0; a < 8; ++a) {
      for (int64_t b = 0; b < a; ++b) {
        EXPECT_FALSE(at::equal(expert_E[a], expert_E[b])) << a << " " << b;
      }
    }
  });
}

/// One micro-batch: how many tokens each rank has, and whether all of them want expert 5.
struct Case {
  std::vector<int64_t> num_tokens_P;
  bool is_crowded = false;
  int64_t num_chunks = 1;
};

void choose_one_expert(MoeLayer& layer) {
  const at::NoGradGuard no_grad;
  at::Tensor weight_ED = moe::parameters_of(*layer).at("router.weight");
  weight_ED.zero_();
  weight_ED[5].fill_(1.0);  // tokens of positive numbers
}

/// Runs the layer on this rank's tokens and compares with one process that has all tokens.
void expect_as_one_process(const std::shared_ptr<Communicator>& world, const Case& test_case) {
  std::vector<at::Tensor> x_P;
  std::vector<at::Tensor> dy_P;
  for (const int64_t T : test_case.num_tokens_P) {
    const std::string rank = std::to_string(x_P.size());
    const at::Tensor x_TD = testing::random_tensor({T, 6}, at::kDouble, "x" + rank);
    x_P.push_back(test_case.is_crowded ? x_TD.abs() + 0.1 : x_TD);
    dy_P.push_back(testing::random_tensor({T, 6}, at::kDouble, "dy" + rank));
  }
  AxisCountReducer counts(world);
  const auto pass =
      [&](MoeLayer& layer, const at::Tensor& x_TD, const at::Tensor& dy_TD, bool all) {
        layer->initialize("mlp", kSeed);
        if (test_case.is_crowded) {
          choose_one_expert(layer);
        }
        moe::RoutingContext context;
        context.counts = all ? nullptr : &counts;
        const at::Tensor leaf = x_TD.clone().requires_grad_();
        const at::Tensor y_TD = layer->forward(leaf, context);
        y_TD.backward(dy_TD);
        NamedTensors result = moe::take_grads(moe::parameters_of(*layer));
        result["y"] = y_TD.detach();
        result["x"] = leaf.grad();
        return result;
      };
  MoeLayer alone(layer_config());
  const NamedTensors expected = pass(alone, at::cat(x_P), at::cat(dy_P), /*all=*/true);
  MoeLayer layer(layer_config(), std::make_shared<AllToAllDispatcher>(world));
  layer->set_num_chunks(test_case.num_chunks);
  const auto rank = static_cast<size_t>(world->rank());
  NamedTensors actual = pass(layer, x_P[rank], dy_P[rank], /*all=*/false);

  int64_t first_token = 0;
  for (size_t r = 0; r < rank; ++r) {
    first_token += test_case.num_tokens_P[r];
  }
  EXPECT_EQ(actual.size(), expected.size());
  for (auto& [name, value] : actual) {
    SCOPED_TRACE(name);
    const at::Tensor& whole = expected.at(name);
    if (name == "x" || name == "y") {
      expect_close(value, whole.narrow(0, first_token, value.size(0)), kDoubleFactor);
    } else if (is_expert(name)) {
      expect_close(value, own_experts(whole, *world), kDoubleFactor);
    } else {
      world->all_reduce(value);  // a copy on every rank, each with the gradient of its own tokens
      expect_close(value, whole, kDoubleFactor);
    }
  }
}

std::vector<int64_t> uneven_tokens(int size) {
  std::vector<int64_t> num_tokens_P;
  for (int rank = 0; rank < size; ++rank) {
    num_tokens_P.push_back(size == 1 ? 9 : 5 * rank);  // rank 0 has none
  }
  return num_tokens_P;
}

TEST(MoeLayerOnRanksTest, EqualsOneProcessWithUnevenTokens) {
  on_each_world([](std::shared_ptr<Communicator> world) {
    expect_as_one_process(world, {.num_tokens_P = uneven_tokens(world->size())});
  });
}

TEST(MoeLayerOnRanksTest, EqualsOneProcessInTwoChunks) {
  on_each_world([](std::shared_ptr<Communicator> world) {
    expect_as_one_process(world, {.num_tokens_P = uneven_tokens(world->size()), .num_chunks = 2});
  });
}

TEST(TrapsTest, Trap05RanksWithoutTokensAndIdleExpertsEqualOneProcess) {
  on_each_world([](std::shared_ptr<Communicator> world) {
    expect_as_one_process(world,
                          {.num_tokens_P = uneven_tokens(world->size()), .is_crowded = true});
  });
}

}  // namespace
}  // namespace hecaton::parallel
