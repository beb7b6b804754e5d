// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// Any layout equals one process: the whole decoder, several optimizer steps, by threads.

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "core/rng.h"
#include "parallel/data_parallel.h"
#include "parallel/oracle.h"
#include "recipes/train/training_engine.h"

namespace hecaton::recipes {
namespace {

constexpr int64_t kNumExperts = 4;
constexpr int64_t kGlobalMicroBatch = 4;  // sequences over all ranks at one accumulation index
constexpr int64_t kNumSteps = 3;
constexpr double kTolerance = 1e-10;

/// A decoder with a dense and two MoE layers and both losses.
models::DecoderConfig small_decoder() {
  models::DecoderConfig config;
  config.hidden_size = 16;
  config.intermediate_size = 24;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 4;
  config.vocab_size = 258;
  config.qk_norm = true;
  config.dtype = at::kDouble;
  config.moe.layers = {1, 2};
  config.moe.moe_intermediate_size = 8;
  config.moe.shared_expert_intermediate_size = 8;
  config.moe.router = {.num_experts = kNumExperts, .num_experts_per_tok = 2};
  config.moe.losses = {{.type = moe::RoutingLossType::kSwitch, .coef = 0.1},
                       {.type = moe::RoutingLossType::kZ, .coef = 0.01}};
  return config;
}

/// Short documents, so that most sequences hold several, and one window that is part padding.
TokenDataset small_dataset() {
  TokenStream stream;
  const CounterRng rng(/*seed=*/3, "text");
  for (uint64_t document = 0; document < 9; ++document) {
    std::string text;
    for (uint64_t i = 0; i < 11 + 5 * (document % 3); ++i) {
      text += static_cast<char>('a' + rng.bits(100 * document + i) % 26);
    }
    stream.append_document(text);
  }
  return TokenDataset(std::move(stream), {.sequence_length = 12, .seed = 5});
}

struct JobSettings {
  models::DecoderConfig model = small_decoder();
  int64_t accumulation = 1;
  /// Factor on the router's row of expert 0, which draws most tokens to it; 1: as initialised.
  double skew = 1.0;
};

void add_slices(parallel::OracleRecord& record,
                const std::string& prefix,
                const FlatGroup& group,
                const FlatBuffer& buffer) {
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const at::Tensor stored = buffer.view(static_cast<int64_t>(i));
    for (const NamedSlice& slice : group.parameters[i].slices) {
      record.add(prefix + slice.name, slice_view(stored, slice));
    }
  }
}

void add_number(parallel::OracleRecord& record, const std::string& name, double value) {
  record.add(name, at::full({1}, value, at::TensorOptions().dtype(at::kDouble)));
}

void skew_routers(TrainingEngine& engine, double factor) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : engine.decoder()->describe_parameters()) {
    if (parameter.name.find("mlp.gate.weight") != std::string::npos) {
      parameter.tensor.select(0, 0).mul_(factor);
    }
  }
}

std::vector<Batch> micro_batches(const TokenDataset& data,
                                 int64_t step,
                                 int64_t accumulation,
                                 const parallel::Communicator& dp) {
  const int64_t per_rank = kGlobalMicroBatch / dp.size();
  std::vector<Batch> batches;
  for (int64_t i = 0; i < accumulation; ++i) {
    const int64_t first = (step * accumulation + i) * kGlobalMicroBatch + dp.rank() * per_rank;
    batches.push_back(data.train_batch(first, per_rank));
  }
  return batches;
}

parallel::OracleJob make_job(const JobSettings& settings) {
  return [settings](parallel::Mesh& mesh) {
    const TokenDataset data = small_dataset();
    TrainingEngine engine(settings.model, {}, /*seed=*/11, mesh);
    skew_routers(engine, settings.skew);
    parallel::OracleRecord record;
    for (int64_t step = 0; step < kNumSteps; ++step) {
      const StepResult result =
          engine.step(micro_batches(data, step, settings.accumulation, mesh.dp()),
                      {.step = step, .lr = 1e-2, .max_grad_norm = 0.5});
      const std::string suffix = "/step" + std::to_string(step) + "/";
      add_number(record, "loss" + suffix, result.loss);
      add_number(record, "grad_norm" + suffix, result.grad_norm);
      add_number(record, "switch_loss" + suffix, result.switch_loss);
      add_number(record, "z_loss" + suffix, result.z_loss);
      add_number(record, "max_vio" + suffix, result.max_vio);
      add_number(record, "drop_frac" + suffix, result.drop_frac);
      for (size_t g = 0; g < engine.parameters().groups().size(); ++g) {
        const FlatGroup& group = engine.parameters().groups()[g];
        const optim::AdamW::State& state = engine.optimizer().states()[g];
        add_slices(record, "grad" + suffix, group, group.grad);
        add_slices(record, "param" + suffix, group, group.value);
        add_slices(record, "mean" + suffix, group, state.mean);
        add_slices(record, "mean_square" + suffix, group, state.mean_square);
      }
    }
    EXPECT_TRUE(parallel::replicas_agree(engine.parameters(), mesh));
    return record;
  };
}

void expect_layouts_agree(const JobSettings& settings) {
  const parallel::OracleReport report = parallel::compare_layouts(
      make_job(settings), parallel::layouts_up_to(/*max_ranks=*/4, kNumExperts));
  EXPECT_EQ(report.num_layouts, 6);
  EXPECT_LE(report.worst_error(), kTolerance) << report.text();
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcess) {
  expect_layouts_agree({});
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithAccumulation) {
  expect_layouts_agree({.accumulation = 3});
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithSkewedRouting) {
  expect_layouts_agree({.accumulation = 2, .skew = 200.0});
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithCapacityPerSequence) {
  JobSettings settings{.skew = 50.0};
  settings.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kSequence};
  expect_layouts_agree(settings);
}

TEST(LayoutOracleTest, AnyLayoutEqualsOneProcessWithCapacityPerMicroBatch) {
  JobSettings settings{.accumulation = 2, .skew = 50.0};
  settings.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kMicroBatch};
  expect_layouts_agree(settings);
}

TEST(LayoutOracleTest, FindsCapacityPerRankGuilty) {
  JobSettings settings{.skew = 50.0};
  settings.model.moe.capacity = {.factor = 1.0, .scope = moe::CapacityScope::kRank};
  const parallel::OracleReport report =
      parallel::compare_layouts(make_job(settings), {{.dp = 4, .ep = 1}});
  EXPECT_GT(report.worst_error(), 1e-6) << report.text();
}

TEST(LayoutOracleTest, TheSameLayoutTwiceGivesTheSameBits) {
  const parallel::OracleJob job = make_job({.accumulation = 2});
  std::vector<parallel::OracleRecord> records(2);
  for (parallel::OracleRecord& record : records) {
    const auto once = [&](parallel::Mesh& mesh) {
      parallel::OracleRecord result = job(mesh);
      if (mesh.world().rank() == 0) {
        record = result;
      }
      return result;
    };
    parallel::compare_layouts(once, {{.dp = 4, .ep = 2}});
  }
  for (const auto& [name, value] : records[0].values()) {
    EXPECT_TRUE(value.equal(records[1].values().at(name))) << name;
  }
}

}  // namespace
}  // namespace hecaton::recipes
