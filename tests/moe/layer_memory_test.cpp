// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/held_memory.h"
#include "core/workspace.h"
#include "moe/moe_layer.h"
#include "tests/testing/random_tensor.h"

// What a layer keeps for backward, and what it asks of the system once it has run.

namespace hecaton::moe {
namespace {

using testing::random_tensor;

MoeLayerConfig large_config(at::ScalarType dtype) {
  MoeLayerConfig config;
  config.hidden_size = 256;
  config.moe_intermediate_size = 512;
  config.router.num_experts = 8;
  config.router.num_experts_per_tok = 2;
  config.dtype = dtype;
  return config;
}

constexpr int64_t kNumTokens = 2048;

TEST(LayerMemoryTest, KeepsTokensPreActivationsAndIndicesForBackward) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    SCOPED_TRACE(c10::toString(dtype));
    const MoeLayerConfig config = large_config(dtype);
    MoeLayer layer(config);
    const at::Tensor x_TD =
        random_tensor({kNumTokens, config.hidden_size}, dtype, "x").requires_grad_();
    layer->forward(x_TD);  // statistics of the last forward are there from now on
    const HeldMemory memory;
    const at::Tensor y_TD = layer->forward(x_TD);
    const int64_t held = memory.num_bytes() + static_cast<int64_t>(x_TD.nbytes()) -
                         static_cast<int64_t>(y_TD.nbytes());
    const int64_t K = config.router.num_experts_per_tok;
    const int64_t num_elements =
        kNumTokens * config.hidden_size + kNumTokens * K * 2 * config.moe_intermediate_size;
    const auto element_size = static_cast<int64_t>(c10::elementSize(dtype));
    const int64_t num_indices = kNumTokens * (4 * K + 3 * config.router.num_experts);
    EXPECT_GE(held, num_elements * element_size);
    EXPECT_LE(held, num_elements * element_size * 105 / 100 + num_indices * 4);
  }
}

class WarmLayerTest : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(WarmLayerTest, AsksForNoLargeMemory) {
  const at::ScalarType dtype = GetParam();
  const MoeLayerConfig config = large_config(dtype);
  MoeLayer layer(config);
  std::vector<GradSink> sinks;
  for (const at::Tensor& weight : layer->experts().weights().tensors) {
    sinks.emplace_back(at::zeros(weight.sizes()));
  }
  layer->experts().set_grad_sinks(std::move(sinks));
  const at::Tensor x_TD =
      random_tensor({kNumTokens, config.hidden_size}, dtype, "x").requires_grad_();
  const at::Tensor dy_TD = random_tensor({kNumTokens, config.hidden_size}, dtype, "dy");
  const auto step = [&] {
    layer->forward(x_TD).backward(dy_TD);
    x_TD.mutable_grad().reset();
  };
  step();
  step();
  const WorkspaceStats warm = workspace_stats();
  const HeldMemory memory;
  for (int i = 0; i < 5; ++i) {
    step();
  }
  const WorkspaceStats after = workspace_stats();
  EXPECT_GT(after.num_tensors, warm.num_tensors);
  EXPECT_EQ(after.num_allocations, warm.num_allocations);
  EXPECT_EQ(memory.num_large(), after.num_tensors - warm.num_tensors);  // none but those
}

INSTANTIATE_TEST_SUITE_P(Dtypes,
                         WarmLayerTest,
                         ::testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& test) { return std::string(c10::toString(test.param)); });

}  // namespace
}  // namespace hecaton::moe
