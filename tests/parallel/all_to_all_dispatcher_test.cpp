// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/all_to_all_dispatcher.h"

#include <memory>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "kernels/combine.h"
#include "moe/router.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

constexpr int64_t kNumExperts = 8;  // divisible by every world
constexpr int64_t kExpertsPerToken = 3;
constexpr int64_t kWidth = 2;

const auto kDouble = at::TensorOptions().dtype(at::kDouble);

/// A routing of T tokens to K distinct experts each; about one slot in eight is unused. Different
/// on every rank.
moe::Routing random_routing(int64_t T, int rank) {
  moe::Routing routing;
  routing.expert_idx_TK = at::empty({T, kExpertsPerToken}, at::TensorOptions().dtype(at::kInt));
  const CounterRng rng(/*seed=*/7, "rank" + std::to_string(rank));
  int32_t* expert_idx = routing.expert_idx_TK.data_ptr<int32_t>();
  for (int64_t s = 0; s < T * kExpertsPerToken; ++s) {
    const uint64_t bits = rng.bits(static_cast<uint64_t>(s / kExpertsPerToken));
    const uint64_t expert = (bits + static_cast<uint64_t>(s % kExpertsPerToken)) % kNumExperts;
    const bool is_unused = rng.bits(1000 + static_cast<uint64_t>(s)) % 8 == 0;
    expert_idx[s] = is_unused ? -1 : static_cast<int32_t>(expert);
  }
  routing.num_tokens_E = moe::count_tokens(routing.expert_idx_TK, kNumExperts);
  return routing;
}

/// Row t of rank r is (r, t): every row says where it came from.
at::Tensor tagged_tokens(int64_t T, int rank) {
  at::Tensor x_TD = at::empty({T, kWidth}, kDouble);
  x_TD.select(1, 0).fill_(rank);
  x_TD.select(1, 1).copy_(at::arange(T, kDouble));
  return x_TD;
}

/// Sends tagged rows to experts that multiply by (expert id + 1), brings them back, and returns the
/// sum per token.
at::Tensor through_experts(moe::Dispatcher& dispatcher,
                           const moe::Routing& routing,
                           const at::Tensor& x_TD,
                           int64_t num_chunks) {
  const auto plan = dispatcher.plan(routing, num_chunks);
  at::Tensor out_TD = at::zeros(x_TD.sizes(), x_TD.options());
  for (int64_t c = 0; c < num_chunks; ++c) {
    const moe::DispatchChunk& chunk = plan->chunks[static_cast<size_t>(c)];
    at::Tensor rows_RD = dispatcher.start_dispatch(*plan, c, x_TD, {}).wait().rows.source_TD;
    int64_t row = 0;
    for (size_t l = 0; l < chunk.num_rows_L.size(); ++l) {
      rows_RD.narrow(0, row, chunk.num_rows_L[l])
          .mul_(static_cast<double>(plan->expert_id_L[l] + 1));
      row += chunk.num_rows_L[l];
    }
    EXPECT_EQ(row, rows_RD.size(0));
    const moe::Rows back = dispatcher.start_combine(*plan, c, rows_RD, {}).wait();
    out_TD.narrow(0, chunk.token_begin, chunk.token_end - chunk.token_begin)
        .copy_(kernels::combine_rows(back.rows.source_TD, chunk.row_of_slot_TK, {}));
  }
  return out_TD;
}

/// Each token times the sum over its experts of (expert id + 1).
at::Tensor expected_sum(const moe::Routing& routing, const at::Tensor& x_TD) {
  const at::Tensor factor_T1 =
      routing.expert_idx_TK.to(at::kDouble).add(1).sum(1, /*keepdim=*/true);  // unused slots add 0
  return x_TD * factor_T1;
}

TEST(AllToAllDispatcherTest, CombineBringsEveryRowBackToItsToken) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AllToAllDispatcher dispatcher(world);
    const int64_t T = 13;
    const moe::Routing routing = random_routing(T, world->rank());
    const at::Tensor x_TD = tagged_tokens(T, world->rank());
    EXPECT_TRUE(at::equal(through_experts(dispatcher, routing, x_TD, /*num_chunks=*/1),
                          expected_sum(routing, x_TD)));
  });
}

TEST(AllToAllDispatcherTest, ChunksCarryTheSameRows) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AllToAllDispatcher dispatcher(world);
    const int64_t T = 5;
    const moe::Routing routing = random_routing(T, world->rank());
    const at::Tensor x_TD = tagged_tokens(T, world->rank());
    for (const int64_t num_chunks : {2, 3, 7}) {  // 7: some chunks have no token
      EXPECT_TRUE(at::equal(through_experts(dispatcher, routing, x_TD, num_chunks),
                            expected_sum(routing, x_TD)));
    }
  });
}

TEST(TrapsTest, Trap07RanksMayHaveDifferentNumbersOfTokensAndNone) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AllToAllDispatcher dispatcher(world);
    const int64_t T = int64_t{4} * world->rank();  // rank 0 has none
    const moe::Routing routing = random_routing(T, world->rank());
    const at::Tensor x_TD = tagged_tokens(T, world->rank());
    EXPECT_TRUE(at::equal(through_experts(dispatcher, routing, x_TD, /*num_chunks=*/2),
                          expected_sum(routing, x_TD)));
  });
}

TEST(AllToAllDispatcherTest, OneExpertMayTakeEverything) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AllToAllDispatcher dispatcher(world);
    moe::Routing routing;
    routing.expert_idx_TK = at::full({6, 1}, kNumExperts - 1, at::TensorOptions().dtype(at::kInt));
    routing.num_tokens_E = moe::count_tokens(routing.expert_idx_TK, kNumExperts);
    const at::Tensor x_TD = tagged_tokens(6, world->rank());
    const auto plan = dispatcher.plan(routing, 1);
    const int64_t R = dispatcher.start_dispatch(*plan, 0, x_TD, {}).wait().rows.source_TD.size(0);
    const bool is_owner = world->rank() == world->size() - 1;
    EXPECT_EQ(R, is_owner ? 6 * world->size() : 0);
    EXPECT_TRUE(at::equal(through_experts(dispatcher, routing, x_TD, 1), x_TD * kNumExperts));
  });
}

TEST(AllToAllDispatcherTest, RowsOfAnExpertStandInTheOrderOfRanksAndTokens) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AllToAllDispatcher dispatcher(world);
    const moe::Routing routing = random_routing(9, world->rank());
    const auto plan = dispatcher.plan(routing, 1);
    const at::Tensor rows_RD =
        dispatcher.start_dispatch(*plan, 0, tagged_tokens(9, world->rank()), {})
            .wait()
            .rows.source_TD;
    int64_t row = 0;
    for (const int64_t num_rows : plan->chunks[0].num_rows_L) {
      const at::Tensor place = rows_RD.narrow(0, row, num_rows).select(1, 0) * 100 +
                               rows_RD.narrow(0, row, num_rows).select(1, 1);
      EXPECT_TRUE(
          num_rows < 2 ||
          (place.narrow(0, 1, num_rows - 1) > place.narrow(0, 0, num_rows - 1)).all().item<bool>());
      row += num_rows;
    }
  });
}

TEST(AllToAllDispatcherTest, NumbersTravelWithTheirRows) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AllToAllDispatcher dispatcher(world);
    const int64_t T = 11;
    const moe::Routing routing = random_routing(T, world->rank());
    const at::Tensor x_TD = tagged_tokens(T, world->rank());
    const at::Tensor value_TK =
        x_TD.select(1, 1).unsqueeze(1).expand({T, kExpertsPerToken}).contiguous();
    const auto plan = dispatcher.plan(routing, 1);
    const moe::Rows there = dispatcher.start_dispatch(*plan, 0, x_TD, value_TK).wait();
    EXPECT_TRUE(at::equal(there.value_R, there.rows.source_TD.select(1, 1)));
    const moe::Rows back =
        dispatcher.start_combine(*plan, 0, there.rows.source_TD, there.value_R).wait();
    const at::Tensor used_TK = routing.expert_idx_TK.ge(0).to(at::kDouble);
    EXPECT_TRUE(at::equal(kernels::slot_values(back.value_R, plan->chunks[0].row_of_slot_TK),
                          value_TK * used_TK));
  });
}

TEST(AllToAllDispatcherTest, RefusesExpertsThatTheRanksDoNotDivide) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const AllToAllDispatcher dispatcher(world);
    EXPECT_EQ(dispatcher.local_experts(8).first, world->rank() * 8 / world->size());
    if (world->size() > 1) {
      expect_throw<ConfigError>(
          [&] { dispatcher.local_experts(7); },
          "parallel.ep = " + std::to_string(world->size()) + ": must divide moe.num_experts=7");
    }
  });
}

}  // namespace
}  // namespace hecaton::parallel
