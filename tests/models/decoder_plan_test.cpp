// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "models/decoder_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "moe/grouped_ffn.h"
#include "moe/registry.h"
#include "moe/top_k_router.h"
#include "tests/models/decoder_cases.h"

namespace hecaton::models {
namespace {

/// What is known of a tensor as one text, so that a difference is easy to read.
std::string line(const std::string& name,
                 at::ScalarType dtype,
                 const std::vector<int64_t>& shape,
                 const std::string& stored_in) {
  std::string text = name + " in " + stored_in + " " + c10::toString(dtype);
  for (const int64_t size : shape) {
    text += " " + std::to_string(size);
  }
  return text;
}

std::set<std::string> planned(const DecoderConfig& config) {
  std::set<std::string> lines;
  for (const PlannedTensor& tensor : plan_decoder(config)) {
    EXPECT_TRUE(
        lines.insert(line(tensor.name, tensor.dtype, tensor.shape, tensor.stored_in)).second)
        << tensor.name;
  }
  return lines;
}

std::set<std::string> made(const DecoderConfig& config) {
  std::set<std::string> lines;
  Decoder decoder(config);
  for (const Parameter& parameter : decoder->describe_parameters()) {
    for (const NamedSlice& slice : parameter.slices) {
      lines.insert(line(slice.name, parameter.tensor.scalar_type(), slice.shape, parameter.name));
    }
  }
  return lines;
}

TEST(DecoderPlanTest, NamesWhatADecoderIsMadeOf) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    SCOPED_TRACE(c10::toString(dtype));
    EXPECT_EQ(planned(small_config(dtype)), made(small_config(dtype)));
    EXPECT_EQ(planned(dense_config(dtype)), made(dense_config(dtype)));
  }
  DecoderConfig plain = small_config(at::kFloat);
  plain.qk_norm = false;
  plain.tie_word_embeddings = true;
  plain.hidden_act = kernels::Activation::kGelu;
  plain.moe.layers = {0, 1};
  plain.moe.shared_expert_intermediate_size = 0;
  EXPECT_EQ(planned(plain), made(plain));
}

TEST(DecoderPlanTest, AsksTheUsersOwnComponentsWhatTheyHold) {
  moe::register_router("plan_test_router", [](const moe::MoeLayerConfig& layer, OptionReader&) {
    return [&layer] { return moe::TopKRouter(layer.hidden_size, layer.router, layer.dtype).ptr(); };
  });
  moe::register_experts("plan_test_experts", [](const moe::MoeLayerConfig& layer, OptionReader&) {
    return [&layer](moe::ExpertRange local) {
      return moe::GroupedFfn(
                 moe::GroupedFfnConfig{.num_local_experts = local.count,
                                       .hidden_size = layer.hidden_size,
                                       .moe_intermediate_size = 2 * layer.moe_intermediate_size,
                                       .activation = kernels::Activation::kGelu,
                                       .dtype = layer.dtype})
          .ptr();
    };
  });
  DecoderConfig config = small_config(at::kFloat);
  config.moe.router.type = "plan_test_router";
  config.moe.experts.type = "plan_test_experts";
  EXPECT_EQ(planned(config), made(config));
}

TEST(DecoderPlanTest, CountsParameters) {
  const DecoderConfig config = small_config();
  int64_t total = 0;
  std::map<DecoderPart, int64_t> by_part;
  for (const PlannedTensor& tensor : plan_decoder(config)) {
    total += tensor.num_elements();
    by_part[tensor.part] += tensor.num_elements();
    EXPECT_EQ(tensor.num_bytes(), 8 * tensor.num_elements()) << tensor.name;
  }
  EXPECT_EQ(count_parameters(config).total, total);
  EXPECT_EQ(count_parameters(config).active, total - int64_t{2} * 3 * 3 * 6)
      << "2 of 4 experts are idle";
  EXPECT_EQ(count_parameters(dense_config()).active, count_parameters(dense_config()).total);
  EXPECT_EQ(count_part(config, plan_decoder(config), DecoderPart::kRoutedExpert).active,
            2 * 3 * 3 * 6);
  EXPECT_EQ(by_part[DecoderPart::kRouter], 4 * 6);
  EXPECT_EQ(by_part[DecoderPart::kRoutedExpert], 4 * 3 * 3 * 6);
  EXPECT_EQ(by_part[DecoderPart::kSharedExpert], 3 * 7 * 6);
  EXPECT_EQ(by_part[DecoderPart::kDenseFfn], 3 * 5 * 6);
  EXPECT_EQ(by_part[DecoderPart::kAttention], 2 * (2 * 8 * 6 + 2 * 4 * 6 + 2 * 4));
  EXPECT_EQ(by_part[DecoderPart::kNorm], 5 * 6);
  EXPECT_EQ(by_part[DecoderPart::kEmbedding], 11 * 6);
  EXPECT_EQ(by_part[DecoderPart::kHead], 11 * 6);
}

TEST(DecoderPlanTest, CountFollowsFromTheSizes) {
  // D 6, F 5, two query heads and one key head of 4, V 11; MoE: E 4, F 3, shared 7.
  constexpr int64_t kVocabulary = int64_t{11} * 6;
  constexpr int64_t kAttention = (int64_t{2} + 1 + 1) * 4 * 6 + int64_t{6} * 2 * 4 + int64_t{2} * 4;
  constexpr int64_t kNorms = int64_t{2} * 6;
  constexpr int64_t kDense = int64_t{3} * 6 * 5;
  constexpr int64_t kExpert = int64_t{3} * 6 * 3;
  constexpr int64_t kShared = int64_t{3} * 6 * 7;
  constexpr int64_t kRouter = int64_t{4} * 6;
  constexpr int64_t kCommon =
      2 * kVocabulary + 2 * (kAttention + kNorms) + kDense + kRouter + kShared + 6;
  const ParameterCount count = count_parameters(small_config());
  EXPECT_EQ(count.total, kCommon + 4 * kExpert);
  EXPECT_EQ(count.active, kCommon + 2 * kExpert);
}

TEST(DecoderPlanTest, DenseModelsCountTiedWeightsOnce) {
  DecoderConfig config = dense_config();
  const ParameterCount untied = count_parameters(config);
  config.tie_word_embeddings = true;
  const ParameterCount tied = count_parameters(config);
  EXPECT_EQ(untied.total - tied.total, 11 * 6);
  EXPECT_EQ(tied.active, tied.total);
}

TEST(DecoderPlanTest, CountsADenseModelWhoseRouterHasNoExperts) {
  DecoderConfig config = dense_config();
  config.moe.router.num_experts = 0;
  EXPECT_EQ(count_parameters(config).total, count_parameters(dense_config()).total);
}

TEST(DecoderPlanTest, NamesEveryPartDifferently) {
  std::set<std::string> names;
  for (const DecoderPart part : decoder_parts()) {
    EXPECT_TRUE(names.insert(part_name(part)).second) << part_name(part);
  }
  EXPECT_EQ(names.size(), 8U);
}

}  // namespace
}  // namespace hecaton::models
