// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_diff.h"

#include <limits>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TensorDistance distance(const std::vector<double>& a, const std::vector<double>& b) {
  return tensor_distance(at::tensor(a), at::tensor(b));
}

TEST(ModelDiffTest, MeasuresAgainstTheLargestValue) {
  const TensorDistance apart = distance({1, -4, 2}, {1.5, -4, 2});
  EXPECT_FALSE(apart.is_equal);
  EXPECT_DOUBLE_EQ(apart.absolute, 0.5);
  EXPECT_DOUBLE_EQ(apart.relative, 0.125);
  EXPECT_EQ(distance({0, 0}, {0, 1e-30}).relative, kInfinity);
}

TEST(ModelDiffTest, ComparesBitsFirst) {
  EXPECT_TRUE(distance({kNan, 1, kInfinity}, {kNan, 1, kInfinity}).is_equal);
  EXPECT_TRUE(distance({}, {}).is_equal);
  const TensorDistance zeros = distance({0.0}, {-0.0});
  EXPECT_FALSE(zeros.is_equal);
  EXPECT_EQ(zeros.absolute, 0.0);
}

TEST(ModelDiffTest, NumbersAgainstNanOrInfinityAreInfinitelyFarApart) {
  EXPECT_EQ(distance({1}, {kNan}).absolute, kInfinity);
  EXPECT_EQ(distance({kNan}, {1}).relative, kInfinity);
  EXPECT_EQ(distance({kInfinity}, {-kInfinity}).absolute, kInfinity);
  EXPECT_DOUBLE_EQ(distance({kNan, kInfinity, 2}, {kNan, kInfinity, 1}).absolute, 1.0);
}

TEST(ModelDiffTest, SameBitsNeedTheSameForm) {
  EXPECT_TRUE(same_bits(at::tensor(kNan), at::tensor(kNan)));
  EXPECT_FALSE(same_bits(at::tensor(0.0), at::tensor(-0.0)));
  EXPECT_FALSE(same_bits(at::zeros({2, 3}), at::zeros({3, 2})));
  EXPECT_FALSE(same_bits(at::zeros({2}, at::kFloat), at::zeros({2}, at::kInt)));
}

TEST(ModelDiffTest, RefusesToCompareOtherForms) {
  testing::expect_error<ShapeError>([] { tensor_distance(at::zeros({2}), at::zeros({3})); },
                                    "expected the shape [2] of a");
  testing::expect_error<ShapeError>(
      [] { tensor_distance(at::zeros({2}), at::zeros({2}, at::kDouble)); }, "b");
}

TEST(ModelDiffTest, GroupsTensorsThatDifferInNumbersAlone) {
  EXPECT_EQ(group_name("model.layers.12.mlp.experts.3.up_proj.weight"),
            "model.layers.*.mlp.experts.*.up_proj.weight");
  EXPECT_EQ(group_name("lm_head.weight"), "lm_head.weight");
  EXPECT_EQ(group_name("w1.2b"), "w1.2b");
}

TEST(ModelDiffTest, ListsWhatOneModelLacksAndTheWorstOfEachGroup) {
  const testing::TemporaryFolder folder;
  const at::Tensor one = at::tensor({1.0F, 2.0F});
  checkpoint::write_safetensors(
      folder / "model.safetensors",
      {{"a", one}, {"x.0", one}, {"x.1", one}, {"x.2", one}, {"same", one}, {"cast", one}});
  const testing::TemporaryFolder other;
  checkpoint::write_safetensors(other / "model.safetensors",
                                {{"b", one},
                                 {"x.0", one},
                                 {"x.1", one * 2},
                                 {"x.2", one * 1.5},
                                 {"same", one},
                                 {"cast", one.to(at::kBFloat16)}});
  const ModelWeights weights(folder.path());
  const ModelDiff diff = compare_weights(weights, ModelWeights(other.path()));
  EXPECT_FALSE(diff.is_equal());
  EXPECT_EQ(diff.only_in_a, std::vector<std::string>({"a"}));
  EXPECT_EQ(diff.only_in_b, std::vector<std::string>({"b"}));
  EXPECT_EQ(diff.other_form, std::vector<std::string>({"cast: F32 [2] and BF16 [2]"}));
  const GroupDistance& group = diff.groups.at("x.*");
  EXPECT_EQ(group.num_tensors, 3U);
  EXPECT_EQ(group.num_different, 2U);
  EXPECT_EQ(group.worst_name, "x.1");
  EXPECT_DOUBLE_EQ(group.worst.relative, 1.0);
  EXPECT_EQ(diff.groups.at("same").num_different, 0U);
  EXPECT_TRUE(compare_weights(weights, weights).is_equal());
}

}  // namespace
}  // namespace hecaton::recipes
