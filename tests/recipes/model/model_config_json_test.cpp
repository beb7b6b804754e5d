// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_config_json.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using testing::expect_error;
using Json = nlohmann::ordered_json;

/// A config none of whose fields that the file holds is a default.
models::DecoderConfig odd_config() {
  models::DecoderConfig config;
  config.hidden_size = 24;
  config.intermediate_size = 40;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 6;
  config.num_key_value_heads = 2;
  config.head_dim = 10;
  config.vocab_size = 99;
  config.rms_norm_eps = 1e-6;
  config.rope_theta = 500000.0;
  config.tie_word_embeddings = true;
  config.qk_norm = true;
  config.hidden_act = kernels::Activation::kSquaredRelu;
  config.initializer_range = 0.1;
  config.dtype = at::kBFloat16;
  config.moe.layers = {0, 2};
  config.moe.moe_intermediate_size = 16;
  config.moe.shared_expert_intermediate_size = 20;
  config.moe.router = {.num_experts = 12,
                       .num_experts_per_tok = 3,
                       .score = moe::RouterScore::kSigmoid,
                       .score_after_topk = true,
                       .norm_topk_prob = false,
                       .scaling_factor = 2.5};
  config.moe.capacity = {.factor = 1.25, .scope = moe::CapacityScope::kRank};
  return config;
}

/// What odd_config() must look like on disk.
constexpr char kOddText[] = R"({
  "model_type": "hecaton",
  "torch_dtype": "bfloat16",
  "hidden_size": 24,
  "intermediate_size": 40,
  "num_hidden_layers": 3,
  "num_attention_heads": 6,
  "num_key_value_heads": 2,
  "head_dim": 10,
  "vocab_size": 99,
  "rms_norm_eps": 1e-06,
  "rope_theta": 500000.0,
  "tie_word_embeddings": true,
  "qk_norm": true,
  "hidden_act": "relu2",
  "initializer_range": 0.1,
  "moe_layers": [
    0,
    2
  ],
  "num_experts": 12,
  "num_experts_per_tok": 3,
  "moe_intermediate_size": 16,
  "shared_expert_intermediate_size": 20,
  "router_type": "top_k",
  "router_options": {},
  "experts_type": "ffn",
  "experts_options": {},
  "router_score": "sigmoid",
  "router_score_after_topk": true,
  "norm_topk_prob": false,
  "routed_scaling_factor": 2.5,
  "capacity_factor": 1.25,
  "capacity_scope": "rank"
}
)";

models::DecoderConfig read(const std::string& text) {
  return decoder_config_from_json(text, "m/config.json");
}

void expect_refused(const std::string& text,
                    const std::string& message,
                    const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
  expect_error<CheckpointError>([&] { read(text); }, message, file, line);
  try {
    read(text);
  } catch (const CheckpointError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos) << file << ":" << line << ": " << what;
    EXPECT_LT(what.size(), 400U) << file << ":" << line << ": " << what;
  }
}

/// The file with one value replaced.
std::string with_value(const std::string& key, const Json& value) {
  Json json = Json::parse(kOddText);
  json[key] = value;
  return json.dump();
}

TEST(ModelConfigJsonTest, WritesEveryField) {
  EXPECT_EQ(to_json(odd_config()), kOddText);
}

TEST(ModelConfigJsonTest, ReadsEveryField) {
  const models::DecoderConfig config = read(kOddText);
  EXPECT_EQ(config.hidden_size, 24);
  EXPECT_EQ(config.intermediate_size, 40);
  EXPECT_EQ(config.num_hidden_layers, 3);
  EXPECT_EQ(config.num_attention_heads, 6);
  EXPECT_EQ(config.num_key_value_heads, 2);
  EXPECT_EQ(config.head_dim, 10);
  EXPECT_EQ(config.vocab_size, 99);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.rope_theta, 500000.0);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_TRUE(config.qk_norm);
  EXPECT_EQ(config.hidden_act, kernels::Activation::kSquaredRelu);
  EXPECT_EQ(config.initializer_range, 0.1);
  EXPECT_EQ(config.dtype, at::kBFloat16);
  EXPECT_EQ(config.moe.layers, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(config.moe.moe_intermediate_size, 16);
  EXPECT_EQ(config.moe.shared_expert_intermediate_size, 20);
  EXPECT_EQ(config.moe.router.num_experts, 12);
  EXPECT_EQ(config.moe.router.num_experts_per_tok, 3);
  EXPECT_EQ(config.moe.router.score, moe::RouterScore::kSigmoid);
  EXPECT_TRUE(config.moe.router.score_after_topk);
  EXPECT_FALSE(config.moe.router.norm_topk_prob);
  EXPECT_EQ(config.moe.router.scaling_factor, 2.5);
  EXPECT_EQ(config.moe.capacity.factor, 1.25);
  EXPECT_EQ(config.moe.capacity.scope, moe::CapacityScope::kRank);
}

TEST(ModelConfigJsonTest, RoundTripsWhateverTheValues) {
  std::vector<models::DecoderConfig> configs = {odd_config(), models::DecoderConfig{}};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    configs.push_back(odd_config());
    configs.back().dtype = dtype;
  }
  for (const auto act :
       {kernels::Activation::kSwiGlu, kernels::Activation::kGeGlu, kernels::Activation::kGelu}) {
    configs.push_back(odd_config());
    configs.back().hidden_act = act;
  }
  for (const auto scope : {moe::CapacityScope::kSequence, moe::CapacityScope::kMicroBatch}) {
    configs.push_back(odd_config());
    configs.back().moe.capacity = {.factor = 1.0 / 3.0, .scope = scope};
  }
  for (const models::DecoderConfig& config : configs) {
    const std::string text = to_json(config);
    const models::DecoderConfig again = read(text);
    EXPECT_EQ(to_json(again), text);
    EXPECT_EQ(again.dtype, config.dtype);
    EXPECT_EQ(again.hidden_act, config.hidden_act);
    EXPECT_EQ(again.moe.capacity.factor, config.moe.capacity.factor);
    EXPECT_EQ(again.moe.capacity.scope, config.moe.capacity.scope);
  }
}

TEST(ModelConfigJsonTest, TakesAWholeNumberWhereAFractionMayStand) {
  EXPECT_EQ(read(with_value("rope_theta", 10000)).rope_theta, 10000.0);
}

TEST(ModelConfigJsonTest, NamesEachMissingKey) {
  const Json json = Json::parse(kOddText);
  for (const auto& item : json.items()) {
    Json without = json;
    without.erase(item.key());
    expect_refused(without.dump(), "m/config.json: key \"" + item.key() + "\" is missing");
  }
}

TEST(ModelConfigJsonTest, NamesEachKeyOfTheWrongType) {
  const Json json = Json::parse(kOddText);
  for (const auto& item : json.items()) {
    for (const Json& wrong : {Json(Json::object()), Json(std::vector<Json>{Json(1.5)})}) {
      if (item.value().is_object() && wrong.is_object()) {
        continue;
      }
      expect_refused(with_value(item.key(), wrong),
                     "m/config.json: key \"" + item.key() + "\" has the wrong type: found an ");
    }
  }
  expect_refused(with_value("hidden_size", 24.0),
                 "m/config.json: key \"hidden_size\" has the wrong type: found 24.0");
  expect_refused(with_value("hidden_size", "24"), "has the wrong type: found \"24\"");
  expect_refused(with_value("hidden_size", nullptr), "has the wrong type: found null");
  expect_refused(with_value("qk_norm", 1), "has the wrong type: found 1");
  expect_refused(with_value("rope_theta", true), "has the wrong type: found true");
  expect_refused(with_value("moe_layers", 2), "has the wrong type: found 2");
  expect_refused(with_value("capacity_factor", "none"), "has the wrong type: found \"none\"");
}

TEST(ModelConfigJsonTest, NamesUnknownValues) {
  for (const char* key : {"torch_dtype", "router_score", "capacity_scope", "hidden_act"}) {
    expect_refused(
        with_value(key, "float8"),
        std::string("m/config.json: key \"") + key + "\" has an unknown value: found \"float8\"");
  }
}

TEST(ModelConfigJsonTest, NamesAnUnknownKey) {
  expect_refused(with_value("sliding_window", 4096),
                 "m/config.json: key \"sliding_window\" is unknown");
}

TEST(ModelConfigJsonTest, NamesARepeatedKey) {
  std::string text = kOddText;
  text.insert(text.find("\"hidden_size\""), "\"hidden_size\": 16,\n");
  expect_refused(text, "m/config.json: expected each key once, found \"hidden_size\" twice");
}

TEST(ModelConfigJsonTest, NamesTheTypeOfAnotherModel) {
  expect_refused(with_value("model_type", "qwen3_moe"),
                 "m/config.json: key \"model_type\" is not supported: expected \"hecaton\", found "
                 "\"qwen3_moe\"");
}

TEST(ModelConfigJsonTest, NamesANumberOutOfRange) {
  expect_refused(with_value("num_key_value_heads", 4),
                 "m/config.json: num_key_value_heads = 4: must divide num_attention_heads=6");
  expect_refused(with_value("moe_layers", std::vector<int>{0, 3}), "m/config.json: moe.layers = 3");
  expect_refused(with_value("hidden_size", -24), "m/config.json: hidden_size = -24");
  // 2^64 - 1 must not become a number that fits.
  expect_refused(with_value("hidden_size", UINT64_MAX), "m/config.json: ");
  std::string text = kOddText;
  text.replace(text.find("24"), 2, "1e400");
  expect_refused(text, "m/config.json: malformed JSON: ");
}

TEST(ModelConfigJsonTest, RefusesSizesThatNoFileHolds) {
  const std::string expected =
      "m/config.json: expected sizes of at most 1e+06 tensors and 1e+15 parameters, found ";
  for (const auto& [key, size] : {std::pair{"vocab_size", int64_t{9000000000000000000}},
                                  std::pair{"head_dim", int64_t{1000000000000000000}},
                                  std::pair{"num_hidden_layers", int64_t{INT64_MAX}},
                                  std::pair{"num_hidden_layers", int64_t{200000}},
                                  std::pair{"num_experts", int64_t{4000000000}}}) {
    SCOPED_TRACE(key);
    expect_refused(with_value(key, size), expected);
  }
}

TEST(ModelConfigJsonTest, RefusesWhatIsNotAJsonObject) {
  const std::string text = kOddText;
  for (const std::string& malformed : {std::string(),
                                       std::string("\0\1\2\3", 4),
                                       text.substr(0, text.size() / 2),
                                       text + "}",
                                       "// comment\n" + text,
                                       std::string("{\"model_type\": NaN}"),
                                       std::string("{\"\xff\": 1}")}) {
    expect_refused(malformed, "m/config.json: malformed JSON: ");
  }
  for (const char* other : {"[]", "null", "3", "\"hecaton\""}) {
    expect_refused(other, "m/config.json: expected a JSON object");
  }
}

TEST(ModelConfigJsonTest, RefusesDeepNesting) {
  constexpr size_t kDepth = 200000;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  std::string text = kOddText;
  text.replace(text.find("24"), 2, deep);
  expect_refused(text, "m/config.json: expected nesting of at most 8, found more");
}

TEST(ModelConfigJsonTest, KeepsMessagesShortAndOnOneLine) {
  expect_refused(with_value("two\nlines", 1), "m/config.json: key \"two\\nlines\" is unknown");
  expect_refused(with_value("torch_dtype", "a\nb"), "has an unknown value: found \"a\\nb\"");
  const std::string endless(100000, 'x');
  expect_refused(with_value("torch_dtype", endless), "has an unknown value: found \"xxx");
  expect_refused(with_value("hidden_size", endless), "has the wrong type: found \"xxx");
  expect_refused(with_value("model_type", endless), "is not supported: expected \"hecaton\"");
  expect_refused("{\"" + endless, "m/config.json: malformed JSON: ");
  expect_refused(with_value(endless, 1), "is unknown");
  expect_refused("{\"" + endless + "\": 1, \"" + endless + "\": 2}",
                 "expected each key once, found \"xxx");
}

TEST(ModelConfigJsonTest, OptionsSurvive) {
  models::DecoderConfig config = odd_config();
  config.moe.router.options = {{"a", true}, {"b", 3}, {"c", 2.5}, {"d", "3"}};
  config.moe.experts.options = {{"e", 1.0}};
  Json json = Json::parse(to_json(config));
  EXPECT_EQ(json["router_options"], Json::parse(R"({"a":true,"b":3,"c":2.5,"d":"3"})"));
  EXPECT_EQ(json["experts_options"].dump(), R"({"e":1.0})");
}

TEST(ModelConfigJsonTest, RefusesComponentsThatNobodyRegistered) {
  expect_refused(with_value("router_type", "nearest"),
                 "m/config.json: moe.router.type = nearest: must be one of ");
  expect_refused(with_value("experts_type", std::string(500, 'x') + "\n"),
                 "m/config.json: moe.experts.type = xxx");
  expect_refused(with_value("router_options", Json{{"temperature", 2}}),
                 "m/config.json: moe.router.options.temperature = 2: unknown option");
}

TEST(ModelConfigJsonTest, RefusesOptionsThatAreNoPlainValues) {
  expect_refused(with_value("router_options", 3), "key \"router_options\" has the wrong type");
  expect_refused(with_value("router_options", Json{{"a", Json::array()}}), "has the wrong type");
  std::string text = kOddText;
  const std::string empty = "\"router_options\": {}";
  text.replace(text.find(empty), empty.size(), R"("router_options": {"a": 1, "a": 2})");
  expect_refused(text, "expected each key once, found \"a\" twice");
}

}  // namespace
}  // namespace hecaton::recipes
