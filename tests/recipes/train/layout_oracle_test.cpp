// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Any layout equals one process: the whole decoder, several optimizer steps, by threads.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "parallel/oracle.h"
#include "parallel/threads.h"
#include "recipes/train/layout_job.h"

namespace hecaton::recipes {
namespace {

constexpr int64_t kNumExperts = 4;
constexpr double kTolerance = 1e-10;

LayoutJob tiny_job(int64_t accumulation = 1, bool is_skewed = false) {
  return {.model = tiny_decoder(), .accumulation = accumulation, .is_skewed = is_skewed};
}

void expect_layouts_agree(const LayoutJob& job) {
  const parallel::OracleReport report = parallel::compare_layouts(
      make_layout_job(job), parallel::layouts_up_to(/*max_ranks=*/4, kNumExperts));
  EXPECT_EQ(report.num_layouts, 6);
  EXPECT_LE(report.worst_error(), kTolerance) << report.text();
}

TEST(LayoutOracleTest, JobsDifferInAccumulationCapacitySkewAndZero) {
  std::set<std::string> names;
  for (const NamedLayoutJob& job : layout_jobs(tiny_decoder(), {})) {
    EXPECT_TRUE(names.insert(job.name).second) << job.name;
  }
  EXPECT_EQ(names.size(), 14U);
  EXPECT_EQ(names.count("accumulation 3, capacity per sequence, skewed routing"), 1U);
  models::DecoderConfig dense = tiny_decoder();
  dense.moe.layers.clear();
  EXPECT_EQ(layout_jobs(dense, {}).size(), 2U);
}

TEST(TrapsTest, Trap01EveryGradientOfAnyLayoutEqualsOneProcess) {
  expect_layouts_agree(tiny_job());
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithAccumulation) {
  expect_layouts_agree(tiny_job(/*accumulation=*/3));
}

TEST(TrapsTest, Trap06IdleExpertsAndDenseLayersSkipNoCollective) {
  expect_layouts_agree(tiny_job(/*accumulation=*/2, /*is_skewed=*/true));
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithCapacityPerSequence) {
  LayoutJob job = tiny_job(/*accumulation=*/1, /*is_skewed=*/true);
  job.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kSequence};
  expect_layouts_agree(job);
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithCapacityPerMicroBatch) {
  LayoutJob job = tiny_job(/*accumulation=*/2, /*is_skewed=*/true);
  job.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kMicroBatch};
  expect_layouts_agree(job);
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithMuon) {
  LayoutJob job = tiny_job(/*accumulation=*/1, /*is_skewed=*/true);
  job.optimizer.type = optim::OptimizerType::kMuon;
  for (const int64_t zero : {0, 1}) {
    job.zero = zero;
    expect_layouts_agree(job);
  }
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithWholeOptimizers) {
  LayoutJob job = tiny_job(/*accumulation=*/2);
  job.zero = 0;
  expect_layouts_agree(job);
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithParameterGroups) {
  LayoutJob job = tiny_job();
  job.optimizer.groups = {
      {.match = "*.mlp.gate.weight", .update = {.is_frozen = true}},
      {.match = "model.layers.1.mlp.experts.*", .update = {.is_frozen = true}},
      {.match = "*.experts.*", .update = {.lr_scale = 0.5, .weight_decay = 0.01}}};
  expect_layouts_agree(job);
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithRecomputation) {
  for (const auto mode :
       {models::ActivationCheckpointing::kFull, models::ActivationCheckpointing::kMoe}) {
    LayoutJob job = tiny_job(/*accumulation=*/2, /*is_skewed=*/true);
    job.model.activation_checkpointing = mode;
    job.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kMicroBatch};
    expect_layouts_agree(job);
  }
}

/// What the ranks of a layout hold together; of replicas, which are equal, any one.
std::map<std::string, at::Tensor> values_under(const LayoutJob& job,
                                               const parallel::Layout& layout) {
  std::map<std::string, at::Tensor> values;
  std::mutex mutex;
  parallel::run_ranks(static_cast<int>(layout.dp),
                      [&](const std::shared_ptr<parallel::Communicator>& world) {
                        parallel::Mesh mesh(world, layout.ep);
                        const parallel::OracleRecord record = make_layout_job(job)(mesh);
                        const std::lock_guard<std::mutex> lock(mutex);
                        values.insert(record.values().begin(), record.values().end());
                      });
  return values;
}

void expect_same_bits(const std::map<std::string, at::Tensor>& actual,
                      const std::map<std::string, at::Tensor>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, value] : expected) {
    EXPECT_TRUE(actual.at(name).equal(value)) << name;
  }
}

TEST(LayoutOracleTest, SkewedRoutingSendsEveryTokenToTwoOfFourExperts) {
  const auto values = values_under(tiny_job(/*accumulation=*/1, /*is_skewed=*/true), {});
  EXPECT_DOUBLE_EQ(values.at("max_vio/step0/").item<double>(), 1.0);
  EXPECT_EQ(values.at("num_tokens/step0/layer0").scalar_type(), at::kLong);
  EXPECT_EQ(values.at("expert_idx/step0/layer1/sample0").scalar_type(), at::kLong);
}

TEST(LayoutOracleTest, FindsCapacityPerRankGuilty) {
  LayoutJob job = tiny_job(/*accumulation=*/1, /*is_skewed=*/true);
  job.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kRank};
  const parallel::OracleReport report =
      parallel::compare_layouts(make_layout_job(job), {{.dp = 4, .ep = 1}});
  EXPECT_GT(report.worst_error(), 1e-6) << report.text();
}

TEST(LayoutOracleTest, TheSameLayoutTwiceGivesTheSameBits) {
  const LayoutJob job = tiny_job(/*accumulation=*/2);
  expect_same_bits(values_under(job, {.dp = 4, .ep = 2}), values_under(job, {.dp = 4, .ep = 2}));
}

TEST(LayoutOracleTest, RecomputationChangesNoBit) {
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
    for (const bool has_capacity : {false, true}) {
      LayoutJob job = tiny_job(/*accumulation=*/2, /*is_skewed=*/true);
      job.model.dtype = dtype;
      if (has_capacity) {
        job.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kMicroBatch};
      }
      const auto expected = values_under(job, {.dp = 2, .ep = 2});
      for (const auto mode :
           {models::ActivationCheckpointing::kFull, models::ActivationCheckpointing::kMoe}) {
        job.model.activation_checkpointing = mode;
        expect_same_bits(values_under(job, {.dp = 2, .ep = 2}), expected);
      }
    }
  }
}

}  // namespace
}  // namespace hecaton::recipes
