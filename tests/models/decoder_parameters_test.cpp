// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "core/check.h"
#include "core/error.h"
#include "models/decoder.h"
#include "tests/models/decoder_cases.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::models {
namespace {

using testing::expect_bitwise_equal;

/// Owns one half of the experts and carries nothing.
class HalfDispatcher final : public moe::Dispatcher {
 public:
  explicit HalfDispatcher(int64_t half) : half_(half) {}

  moe::ExpertRange local_experts(int64_t num_experts) const override {
    HECATON_CHECK_EQ(num_experts % 2, 0, "two ranks must share the experts evenly");
    return {half_ * num_experts / 2, num_experts / 2};
  }
  std::shared_ptr<const moe::DispatchPlan> plan(const moe::Routing&, int64_t) override {
    throw InternalError("nothing is dispatched here");
  }
  moe::PendingRows start_dispatch(const moe::DispatchPlan&,
                                  int64_t,
                                  const at::Tensor&,
                                  const at::Tensor&) override {
    throw InternalError("nothing is dispatched here");
  }
  moe::PendingRows start_combine(const moe::DispatchPlan&,
                                 int64_t,
                                 const at::Tensor&,
                                 const at::Tensor&) override {
    throw InternalError("nothing is dispatched here");
  }

 private:
  int64_t half_;
};

std::map<std::string, at::Tensor> slices_of(Decoder& decoder) {
  std::map<std::string, at::Tensor> slices;
  for (const Parameter& parameter : decoder->describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      slices[slice.name] = slice_view(parameter.tensor.detach(), slice);
    }
  }
  return slices;
}

TEST(DecoderParametersTest, HiddenMatricesAreThoseInsideTheNetwork) {
  Decoder decoder(small_config());
  std::set<std::string> others;
  for (const Parameter& parameter : decoder->describe_parameters()) {
    if (!parameter.is_hidden_matrix) {
      others.insert(parameter.name);
      continue;
    }
    for (const NamedSlice& slice : parameter.slices) {
      EXPECT_EQ(slice.shape.size(), 2U) << slice.name;
    }
  }
  std::set<std::string> expected = {"model.embed_tokens.weight",
                                    "lm_head.weight",
                                    "model.norm.weight",
                                    "model.layers.1.mlp.gate.weight"};
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char* norm : {"input_layernorm.weight",
                             "post_attention_layernorm.weight",
                             "self_attn.q_norm.weight",
                             "self_attn.k_norm.weight"}) {
      expected.insert(layer + norm);
    }
  }
  EXPECT_EQ(others, expected);
}

TEST(DecoderParametersTest, NamesAreThoseOfQwen3Moe) {
  DecoderConfig config = small_config();
  config.moe.router.num_experts = 2;
  Decoder decoder(config);
  std::string names;
  for (const Parameter& parameter : decoder->describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      names += slice.name + "\n";
    }
  }
  EXPECT_EQ(names,
            "model.embed_tokens.weight\n"
            "model.layers.0.input_layernorm.weight\n"
            "model.layers.0.post_attention_layernorm.weight\n"
            "model.layers.0.self_attn.q_proj.weight\n"
            "model.layers.0.self_attn.k_proj.weight\n"
            "model.layers.0.self_attn.v_proj.weight\n"
            "model.layers.0.self_attn.o_proj.weight\n"
            "model.layers.0.self_attn.q_norm.weight\n"
            "model.layers.0.self_attn.k_norm.weight\n"
            "model.layers.0.mlp.gate_proj.weight\n"
            "model.layers.0.mlp.up_proj.weight\n"
            "model.layers.0.mlp.down_proj.weight\n"
            "model.layers.1.input_layernorm.weight\n"
            "model.layers.1.post_attention_layernorm.weight\n"
            "model.layers.1.self_attn.q_proj.weight\n"
            "model.layers.1.self_attn.k_proj.weight\n"
            "model.layers.1.self_attn.v_proj.weight\n"
            "model.layers.1.self_attn.o_proj.weight\n"
            "model.layers.1.self_attn.q_norm.weight\n"
            "model.layers.1.self_attn.k_norm.weight\n"
            "model.layers.1.mlp.gate.weight\n"
            "model.layers.1.mlp.experts.0.gate_proj.weight\n"
            "model.layers.1.mlp.experts.0.up_proj.weight\n"
            "model.layers.1.mlp.experts.1.gate_proj.weight\n"
            "model.layers.1.mlp.experts.1.up_proj.weight\n"
            "model.layers.1.mlp.experts.0.down_proj.weight\n"
            "model.layers.1.mlp.experts.1.down_proj.weight\n"
            "model.layers.1.mlp.shared_expert.gate_proj.weight\n"
            "model.layers.1.mlp.shared_expert.up_proj.weight\n"
            "model.layers.1.mlp.shared_expert.down_proj.weight\n"
            "model.norm.weight\n"
            "lm_head.weight\n");
}

TEST(DecoderParametersTest, CoverEveryParameterOfTheModuleOnce) {
  for (const bool is_tied : {false, true}) {
    DecoderConfig config = small_config();
    config.tie_word_embeddings = is_tied;
    Decoder decoder(config);
    const std::vector<Parameter> described = decoder->describe_parameters();
    check_parameters(described);
    std::set<const void*> described_data;
    for (const Parameter& parameter : described) {
      EXPECT_TRUE(described_data.insert(parameter.tensor.const_data_ptr()).second)
          << parameter.name;
    }
    std::set<const void*> module_data;
    for (const at::Tensor& parameter : decoder->parameters()) {
      module_data.insert(parameter.const_data_ptr());
    }
    EXPECT_EQ(described_data, module_data);
    EXPECT_EQ(described.size(), decoder->parameters().size());
  }
}

TEST(DecoderParametersTest, OnlyMatricesDecayAndOnlyExpertsAreShared) {
  Decoder decoder(small_config());
  for (const Parameter& parameter : decoder->describe_parameters()) {
    const bool is_norm = parameter.name.find("norm") != std::string::npos;
    const bool is_router = parameter.name.find(".gate.") != std::string::npos;
    const bool is_expert = parameter.slices[0].name.find(".experts.") != std::string::npos;
    EXPECT_EQ(parameter.decay, is_norm || is_router ? DecayClass::kNoDecay : DecayClass::kDecay)
        << parameter.name;
    EXPECT_EQ(parameter.replicas, is_expert ? ReplicaAxis::kExpert : ReplicaAxis::kDense)
        << parameter.name;
    EXPECT_EQ(parameter.initial.kind,
              is_norm ? InitialValue::Kind::kOnes : InitialValue::Kind::kNormal)
        << parameter.name;
    if (!is_norm) {
      EXPECT_EQ(parameter.initial.std_dev, 0.5) << parameter.name;
    }
  }
}

TEST(DecoderParametersTest, ADenseModelAsksForNoExperts) {
  DecoderConfig config = dense_config();
  config.moe.router.num_experts = 7;  // not even: the dispatcher would refuse to share them
  Decoder decoder(config, std::make_shared<HalfDispatcher>(0));
  EXPECT_TRUE(decoder->moe_layers().empty());
}

TEST(DecoderParametersTest, InitialValuesDoNotDependOnTheLayout) {
  Decoder whole(small_config());
  whole->initialize(7);
  const std::map<std::string, at::Tensor> expected = slices_of(whole);
  std::map<std::string, int> num_holders;
  for (const int64_t half : {0, 1}) {
    Decoder part(small_config(), std::make_shared<HalfDispatcher>(half));
    part->initialize(7);
    for (const auto& [name, value] : slices_of(part)) {
      SCOPED_TRACE(name);
      ASSERT_EQ(expected.count(name), 1U);
      expect_bitwise_equal(value, expected.at(name));
      ++num_holders[name];
    }
  }
  ASSERT_EQ(num_holders.size(), expected.size());
  for (const auto& [name, holders] : num_holders) {
    EXPECT_EQ(holders, name.find(".experts.") == std::string::npos ? 2 : 1) << name;
  }
}

TEST(DecoderParametersTest, InitialValuesDependOnTheSeed) {
  Decoder decoder(small_config());
  decoder->initialize(7);
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, value] : slices_of(decoder)) {
    before[name] = value.clone();
  }
  decoder->initialize(8);
  for (const auto& [name, value] : slices_of(decoder)) {
    const bool is_norm = name.find("norm") != std::string::npos;
    EXPECT_EQ(at::equal(value, before.at(name)), is_norm) << name;
  }
}

TEST(DecoderParametersTest, MoeLayersAreThoseOfTheConfig) {
  DecoderConfig config = small_config();
  config.num_hidden_layers = 4;
  config.moe.layers = {1, 3};
  Decoder decoder(config);
  EXPECT_EQ(decoder->moe_layers().size(), 2U);
  const std::map<std::string, at::Tensor> slices = slices_of(decoder);
  for (int64_t layer = 0; layer < 4; ++layer) {
    EXPECT_EQ(slices.count("model.layers." + std::to_string(layer) + ".mlp.gate.weight"),
              layer % 2 == 1 ? 1U : 0U);
  }
}

}  // namespace
}  // namespace hecaton::models
