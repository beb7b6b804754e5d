// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/grouped_ffn.h"

#include <string>
#include <vector>

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros_like.h>

#include "core/error.h"
#include "tests/moe/layer_run.h"
#include "tests/testing/expect_error.h"

namespace hecaton::moe {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;

GroupedFfn random_ffn(int64_t L) {
  GroupedFfn ffn(GroupedFfnConfig{
      .num_local_experts = L, .hidden_size = 6, .moe_intermediate_size = 5, .dtype = at::kDouble});
  fill_randomly(*ffn);
  return ffn;
}

TEST(GroupedFfnTest, RunsEachExpertOnItsRows) {
  GroupedFfn ffn = random_ffn(3);
  const at::NoGradGuard no_grad;
  const ExpertWeights weights = ffn->weights();
  const at::Tensor x_RD = random_tensor({7, 6}, at::kDouble, "x");
  const auto expert = [&](int64_t l, int64_t begin, int64_t size) {
    const at::Tensor expert_z_RG = x_RD.narrow(0, begin, size).mm(weights.tensors[0][l].t());
    return (at::silu(expert_z_RG.narrow(1, 0, 5)) * expert_z_RG.narrow(1, 5, 5))
        .mm(weights.tensors[1][l].t());
  };
  expect_close(ffn->forward({x_RD}, {4, 0, 3}, weights, /*is_training=*/false).y_RD,
               at::cat({expert(0, 0, 4), expert(2, 4, 3)}),
               kDoubleFactor);
}

TEST(GroupedFfnTest, SavesInputsAndPreActivationsOnlyForTraining) {
  GroupedFfn ffn = random_ffn(2);
  const at::NoGradGuard no_grad;
  const at::Tensor x_RD = random_tensor({4, 6}, at::kDouble, "x");
  EXPECT_TRUE(ffn->forward({x_RD}, {1, 3}, ffn->weights(), false).saved.tensors.empty());
  const ExpertSaved saved = ffn->forward({x_RD}, {1, 3}, ffn->weights(), true).saved;
  ASSERT_EQ(saved.tensors.size(), 3U);
  EXPECT_TRUE(saved.tensors[0].is_same(x_RD));  // no copy
  EXPECT_FALSE(saved.tensors[1].defined());     // the index of the rows
  EXPECT_EQ(saved.tensors[2].sizes(), at::IntArrayRef({4, 10}));
}

TEST(GroupedFfnTest, AddsWeightGradientsAndLeavesIdleExpertsAlone) {
  GroupedFfn ffn = random_ffn(3);
  const at::NoGradGuard no_grad;
  const ExpertWeights weights = ffn->weights();
  const std::vector<int64_t> num_rows_L = {2, 0, 3};
  const at::Tensor x_RD = random_tensor({5, 6}, at::kDouble, "x");
  const at::Tensor dy_RD = random_tensor({5, 6}, at::kDouble, "dy");
  const at::Tensor score_R = at::ones({5}, at::TensorOptions().dtype(at::kDouble));
  const ExpertSaved saved = ffn->forward({x_RD}, num_rows_L, weights, true).saved;
  const ExpertInputGrads input_grads =
      ffn->backward_input({dy_RD}, score_R, num_rows_L, weights, saved);
  ExpertGrads from_zero;
  ExpertGrads from_seven;
  for (const at::Tensor& weight : weights.tensors) {
    from_zero.sinks.emplace_back(at::zeros_like(weight));
    from_seven.sinks.emplace_back(at::full(weight.sizes(), 7.0, weight.options()));
  }
  ffn->backward_weight({dy_RD}, input_grads, num_rows_L, saved, from_zero);
  ffn->backward_weight({dy_RD}, input_grads, num_rows_L, saved, from_seven);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_GT(from_zero.sinks[i].grad()[0].abs().sum().item<double>(), 0.0);
    expect_close(from_seven.sinks[i].grad(), from_zero.sinks[i].grad() + 7.0, kDoubleFactor);
    EXPECT_TRUE(from_seven.sinks[i].grad()[1].eq(7.0).all().item<bool>());
  }
}

TEST(GroupedFfnTest, MayHoldNoExperts) {
  GroupedFfn ffn = random_ffn(0);
  const at::NoGradGuard no_grad;
  const at::Tensor x_RD = random_tensor({0, 6}, at::kDouble, "x");
  EXPECT_EQ(ffn->forward({x_RD}, {}, ffn->weights(), true).y_RD.sizes(), at::IntArrayRef({0, 6}));
  check_parameters(ffn->describe_parameters("mlp", 0));
}

TEST(GroupedFfnTest, NamesTheMatricesOfEveryExpertGlobally) {
  GroupedFfn ffn = random_ffn(2);
  const std::vector<Parameter> described = ffn->describe_parameters("mlp", /*first_expert=*/4);
  check_parameters(described);
  ASSERT_EQ(described.size(), 2U);
  std::vector<std::string> names;
  for (const Parameter& parameter : described) {
    EXPECT_EQ(parameter.replicas, ReplicaAxis::kExpert);
    for (const NamedSlice& slice : parameter.slices) {
      names.push_back(slice.name);
    }
  }
  EXPECT_EQ(names,
            std::vector<std::string>({"mlp.experts.4.gate_proj.weight",
                                      "mlp.experts.4.up_proj.weight",
                                      "mlp.experts.5.gate_proj.weight",
                                      "mlp.experts.5.up_proj.weight",
                                      "mlp.experts.4.down_proj.weight",
                                      "mlp.experts.5.down_proj.weight"}));
}

TEST(GroupedFfnTest, ReportsEverySizeOutOfRange) {
  const GroupedFfnConfig config{
      .num_local_experts = -1, .hidden_size = 0, .moe_intermediate_size = 0};
  for (const char* fault : {"experts.num_local_experts = -1: must be at least 0",
                            "experts.hidden_size = 0: must be at least 1",
                            "experts.moe_intermediate_size = 0: must be at least 1"}) {
    expect_error<ConfigError>([&] { GroupedFfn ffn(config); }, fault);
  }
}

TEST(GroupedFfnTest, RefusesWeightsOfOtherShapes) {
  GroupedFfn ffn = random_ffn(2);
  const at::NoGradGuard no_grad;
  const at::Tensor x_RD = random_tensor({4, 6}, at::kDouble, "x");
  const auto forward = [&](const std::vector<at::Tensor>& weights) {
    ffn->forward({x_RD}, {1, 3}, {weights}, /*is_training=*/true);
  };
  const std::vector<at::Tensor> own = ffn->weights().tensors;
  const at::Tensor& up_LGD = own[0];
  const at::Tensor& down_LDF = own[1];
  expect_error<ShapeError>([&] { forward({}); }, "GroupedFfn needs 2 weights: found 0");
  expect_error<ShapeError>(
      [&] {
        forward({up_LGD.narrow(2, 0, 5), down_LDF});
      },
      "up_LGD has the wrong shape: expected [*, *, 6] found [2, 10, 5]");
  expect_error<ShapeError>(
      [&] {
        forward({up_LGD.narrow(1, 0, 8), down_LDF});
      },
      "up_LGD has the wrong shape: expected [2, 10, 6] found [2, 8, 6]");
  expect_error<ShapeError>(
      [&] {
        forward({up_LGD, down_LDF.narrow(1, 0, 1)});
      },
      "up_LGD has the wrong shape: expected [2, 10, 1] found [2, 10, 6]");
}

TEST(GroupedFfnTest, RefusesRowsOfAnotherShapeOrDtype) {
  GroupedFfn ffn = random_ffn(1);
  const at::NoGradGuard no_grad;
  const auto forward = [&](const at::Tensor& x_RD) {
    ffn->forward({x_RD}, {4}, ffn->weights(), /*is_training=*/false);
  };
  expect_error<ShapeError>(
      [&] {
        forward(random_tensor({4, 5}, at::kDouble, "x"));
      },
      "x has the wrong shape: expected [*, 6] found [4, 5]");
  expect_error<ShapeError>(
      [&] {
        forward(random_tensor({4, 6}, at::kFloat, "x"));
      },
      "x has the wrong dtype: expected Double found Float");
}

TEST(GroupedFfnTest, RunsOnSlicesOfTheHiddenWidth) {
  // The output is a sum over the hidden width, so those of two slices add up to it.
  GroupedFfn ffn = random_ffn(2);
  const at::NoGradGuard no_grad;
  const at::Tensor x_RD = random_tensor({4, 6}, at::kDouble, "x");
  const at::Tensor up_LGD = ffn->weights().tensors[0];
  const at::Tensor down_LDF = ffn->weights().tensors[1];
  const auto on_slice = [&](int64_t begin, int64_t size) {
    const at::Tensor gate = up_LGD.narrow(1, begin, size);
    const at::Tensor up = up_LGD.narrow(1, 5 + begin, size);
    const ExpertWeights weights{{at::cat({gate, up}, 1), down_LDF.narrow(2, begin, size)}};
    return ffn->forward({x_RD}, {1, 3}, weights, /*is_training=*/false).y_RD;
  };
  expect_close(on_slice(0, 2) + on_slice(2, 3), on_slice(0, 5), kDoubleFactor);
}

}  // namespace
}  // namespace hecaton::moe
