// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_config_json.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/mapped_file.h"
#include "models/decoder_size.h"
#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_scalar.h"
#include "recipes/data/strict_json.h"

namespace hecaton::recipes {
namespace {

// The reader uses the unordered kind: the ordered one copies its values when it grows, by
// recursion, so that deep nesting would exhaust the stack.
using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr char kModelType[] = "hecaton";
constexpr int kMaxDepth = 8;  // more than any key needs, so that a fault is told by its key

const std::vector<std::pair<at::ScalarType, std::string>>& dtype_names() {
  static const std::vector<std::pair<at::ScalarType, std::string>> kNames = {
      {at::kFloat, "float32"}, {at::kBFloat16, "bfloat16"}, {at::kDouble, "float64"}};
  return kNames;
}

std::vector<std::pair<kernels::Activation, std::string>> activation_names() {
  std::vector<std::pair<kernels::Activation, std::string>> names;
  for (const kernels::Activation activation : {kernels::Activation::kSwiGlu,
                                               kernels::Activation::kGeGlu,
                                               kernels::Activation::kGelu,
                                               kernels::Activation::kSquaredRelu}) {
    names.emplace_back(activation, kernels::activation_name(activation));
  }
  return names;
}

const std::vector<std::pair<moe::CapacityScope, std::string>>& scope_names() {
  static const std::vector<std::pair<moe::CapacityScope, std::string>> kNames = {
      {moe::CapacityScope::kSequence, "sequence"},
      {moe::CapacityScope::kMicroBatch, "micro_batch"},
      {moe::CapacityScope::kRank, "rank"}};
  return kNames;
}

const std::vector<std::pair<moe::RouterScore, std::string>>& score_names() {
  static const std::vector<std::pair<moe::RouterScore, std::string>> kNames = {
      {moe::RouterScore::kSoftmax, "softmax"}, {moe::RouterScore::kSigmoid, "sigmoid"}};
  return kNames;
}

template <typename Value>
std::string name_of(const std::vector<std::pair<Value, std::string>>& names, Value value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) {
      return name;
    }
  }
  throw InternalError("a value without a name in config.json");
}

/// A value of the file for a message: one line in ASCII, and no walk into whatever lies below.
std::string shown(const Json& value) {
  return value.is_structured() ? std::string("an ") + value.type_name()
                               : one_line(value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/true));
}

bool is_int64(const Json& value) {
  const bool is_too_large = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
  return value.is_number_integer() && !is_too_large;
}

bool is_option(const Json& value) {
  return value.is_boolean() || is_int64(value) || value.is_number_float() || value.is_string();
}

OptionValue read_option(const Json& value) {
  if (value.is_boolean()) {
    return value.get<bool>();
  }
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number_float()) {
    return value.get<double>();
  }
  return value.get<int64_t>();
}

/// object: each of its values is_option().
Options read_options(const Json& object) {
  Options options;
  for (const auto& item : object.items()) {
    options.emplace(item.key(), read_option(item.value()));
  }
  return options;
}

/// Reads keys out of one JSON object and knows which were read.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  template <typename Value>
  Value read(const std::string& key) {
    const Json& value = find(key);
    if (!fits<Value>(value)) {
      fail(key, "has the wrong type: found " + shown(value));
    }
    if constexpr (std::is_same_v<Value, Options>) {
      return read_options(value);
    } else {
      return value.get<Value>();
    }
  }

  template <typename Value>
  Value read_name(const std::string& key, const std::vector<std::pair<Value, std::string>>& names) {
    const auto found = read<std::string>(key);
    for (const auto& [value, name] : names) {
      if (name == found) {
        return value;
      }
    }
    fail(key, "has an unknown value: found " + shown(found));
  }

  std::optional<double> read_optional_number(const std::string& key) {
    const Json& value = find(key);
    return value.is_null() ? std::nullopt : std::optional<double>(read<double>(key));
  }

  void check_no_others() const {
    for (const auto& item : object_.items()) {
      if (read_.count(item.key()) == 0) {
        fail(item.key(), "is unknown");
      }
    }
  }

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw CheckpointError(path_ + ": key " + shown(key) + " " + what);
  }

 private:
  template <typename Value>
  static bool fits(const Json& value) {
    if constexpr (std::is_same_v<Value, bool>) {
      return value.is_boolean();
    } else if constexpr (std::is_same_v<Value, int64_t>) {
      return is_int64(value);
    } else if constexpr (std::is_same_v<Value, double>) {
      return value.is_number();
    } else if constexpr (std::is_same_v<Value, std::string>) {
      return value.is_string();
    } else if constexpr (std::is_same_v<Value, Options>) {
      return value.is_object() && std::all_of(value.begin(), value.end(), is_option);
    } else {
      return value.is_array() && std::all_of(value.begin(), value.end(), is_int64);
    }
  }

  const Json& find(const std::string& key) {
    read_.insert(key);
    const auto place = object_.find(key);
    if (place == object_.end()) {
      fail(key, "is missing");
    }
    return *place;
  }

  const Json& object_;
  std::string path_;
  std::set<std::string> read_;
};

OrderedJson options_to_json(const Options& options) {
  OrderedJson object = OrderedJson::object();
  for (const auto& [name, value] : options) {
    std::visit([&object, &name = name](const auto& found) { object[name] = found; }, value);
  }
  return object;
}

OrderedJson moe_to_json(const models::DecoderMoeConfig& moe) {
  return {{"moe_layers", moe.layers},
          {"num_experts", moe.router.num_experts},
          {"num_experts_per_tok", moe.router.num_experts_per_tok},
          {"moe_intermediate_size", moe.moe_intermediate_size},
          {"shared_expert_intermediate_size", moe.shared_expert_intermediate_size},
          {"router_type", moe.router.type},
          {"router_options", options_to_json(moe.router.options)},
          {"experts_type", moe.experts.type},
          {"experts_options", options_to_json(moe.experts.options)},
          {"router_score", name_of(score_names(), moe.router.score)},
          {"router_score_after_topk", moe.router.score_after_topk},
          {"norm_topk_prob", moe.router.norm_topk_prob},
          {"routed_scaling_factor", moe.router.scaling_factor},
          {"capacity_factor",
           moe.capacity.factor ? OrderedJson(*moe.capacity.factor) : OrderedJson(nullptr)},
          {"capacity_scope", name_of(scope_names(), moe.capacity.scope)}};
}

models::DecoderMoeConfig read_moe(ObjectReader& reader) {
  models::DecoderMoeConfig moe;
  moe.layers = reader.read<std::vector<int64_t>>("moe_layers");
  moe.router.num_experts = reader.read<int64_t>("num_experts");
  moe.router.num_experts_per_tok = reader.read<int64_t>("num_experts_per_tok");
  moe.moe_intermediate_size = reader.read<int64_t>("moe_intermediate_size");
  moe.shared_expert_intermediate_size = reader.read<int64_t>("shared_expert_intermediate_size");
  moe.router.type = reader.read<std::string>("router_type");
  moe.router.options = reader.read<Options>("router_options");
  moe.experts.type = reader.read<std::string>("experts_type");
  moe.experts.options = reader.read<Options>("experts_options");
  moe.router.score = reader.read_name("router_score", score_names());
  moe.router.score_after_topk = reader.read<bool>("router_score_after_topk");
  moe.router.norm_topk_prob = reader.read<bool>("norm_topk_prob");
  moe.router.scaling_factor = reader.read<double>("routed_scaling_factor");
  moe.capacity.factor = reader.read_optional_number("capacity_factor");
  moe.capacity.scope = reader.read_name("capacity_scope", scope_names());
  return moe;
}

models::DecoderConfig read_config(ObjectReader& reader) {
  if (const auto type = reader.read<std::string>("model_type"); type != kModelType) {
    reader.fail("model_type", "is not supported: expected \"hecaton\", found " + shown(type));
  }
  models::DecoderConfig config;
  config.dtype = reader.read_name("torch_dtype", dtype_names());
  config.hidden_size = reader.read<int64_t>("hidden_size");
  config.intermediate_size = reader.read<int64_t>("intermediate_size");
  config.num_hidden_layers = reader.read<int64_t>("num_hidden_layers");
  config.num_attention_heads = reader.read<int64_t>("num_attention_heads");
  config.num_key_value_heads = reader.read<int64_t>("num_key_value_heads");
  config.head_dim = reader.read<int64_t>("head_dim");
  config.vocab_size = reader.read<int64_t>("vocab_size");
  config.rms_norm_eps = reader.read<double>("rms_norm_eps");
  config.rope_theta = reader.read<double>("rope_theta");
  config.tie_word_embeddings = reader.read<bool>("tie_word_embeddings");
  config.qk_norm = reader.read<bool>("qk_norm");
  config.initializer_range = reader.read<double>("initializer_range");
  config.hidden_act = reader.read_name("hidden_act", activation_names());
  config.moe = read_moe(reader);
  reader.check_no_others();
  return config;
}

/// Refuses sizes that no model file holds, so that whoever reads the config may count with them.
void check_size(const models::DecoderConfig& config, const std::string& path) {
  constexpr double kMaxTensors = 1e6;      // of a safetensors file
  constexpr double kMaxParameters = 1e15;  // a thousand times the largest model of 2025
  const models::DecoderSize size = models::decoder_size(config);
  const double num_parameters = size.dense_parameters + size.expert_parameters;
  if (size.num_tensors > kMaxTensors || num_parameters > kMaxParameters) {
    throw CheckpointError(
        path + ": expected sizes of at most 1e+06 tensors and 1e+15 parameters, " + "found " +
        print_number(size.num_tensors) + " and " + print_number(num_parameters));
  }
}

}  // namespace

std::string to_json(const models::DecoderConfig& config) {
  OrderedJson json = {{"model_type", kModelType},
                      {"torch_dtype", name_of(dtype_names(), config.dtype)},
                      {"hidden_size", config.hidden_size},
                      {"intermediate_size", config.intermediate_size},
                      {"num_hidden_layers", config.num_hidden_layers},
                      {"num_attention_heads", config.num_attention_heads},
                      {"num_key_value_heads", config.num_key_value_heads},
                      {"head_dim", config.head_dim},
                      {"vocab_size", config.vocab_size},
                      {"rms_norm_eps", config.rms_norm_eps},
                      {"rope_theta", config.rope_theta},
                      {"tie_word_embeddings", config.tie_word_embeddings},
                      {"qk_norm", config.qk_norm},
                      {"hidden_act", kernels::activation_name(config.hidden_act)},
                      {"initializer_range", config.initializer_range}};
  json.update(moe_to_json(config.moe));
  return json.dump(2) + "\n";
}

models::DecoderConfig decoder_config_from_json(const std::string& text, const std::string& path) {
  const Json json = parse_strict_json(text, path, kMaxDepth, throw_as<CheckpointError>);
  if (!json.is_object()) {
    throw CheckpointError(path + ": expected a JSON object, found " + json.type_name());
  }
  ObjectReader reader(json, path);
  models::DecoderConfig config = read_config(reader);
  ConfigFaults faults("");
  config.collect_faults(faults);
  if (!faults.faults().empty()) {
    const ConfigFaults::Fault& fault = faults.faults().front();
    throw CheckpointError(path + ": " + one_line(fault.path) + " = " + one_line(fault.value) +
                          ": " + fault.rule);
  }
  check_size(config, path);
  return config;
}

}  // namespace hecaton::recipes
