// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/component_keys.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/config_faults.h"
#include "moe/moe_layer_config.h"
#include "moe/registry.h"
#include "recipes/config/environment.h"
#include "recipes/config/nearest_name.h"
#include "recipes/config/value_form.h"
#include "recipes/config/yaml_scalar.h"
#include "recipes/train/model_setup.h"

namespace hecaton::recipes {
namespace {

using Names = std::function<std::vector<std::string>()>;

std::string unknown_name_message(const YamlNode& node, const std::vector<std::string>& names) {
  std::string known;
  for (const std::string& name : names) {
    known += (known.empty() ? "" : ", ") + name;
  }
  const std::string nearest = nearest_name(node.text, names);
  return "must be one of " + known + ", found " + describe(node) +
         (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
}

Codec<std::string> registered_name(const Names& names) {
  Codec<std::string> codec = text();
  codec.expected = "a registered name";
  codec.form = {or_environment(words_form(names())), {}};
  codec.read = [names](const YamlNode& node, std::string& value, const ReadContext& context) {
    if (node.kind != YamlNode::Kind::kScalar) {
      return context.refuse(node);
    }
    const std::vector<std::string> known = names();
    if (std::find(known.begin(), known.end(), node.text) == known.end()) {
      context.faults.add(node.origin, context.path, unknown_name_message(node, known));
      return false;
    }
    value = node.text;
    context.record(node);
    return true;
  };
  return codec;
}

std::optional<OptionValue> parse_option(const YamlNode& node) {
  if (node.is_quoted) {
    return node.text;
  }
  if (const std::optional<bool> value = parse_boolean(node.text)) {
    return *value;
  }
  if (const std::optional<int64_t> value = parse_integer(node.text)) {
    return *value;
  }
  if (const std::optional<double> value = parse_number(node.text)) {
    return *value;
  }
  return is_plain_text(node.text) ? std::optional<OptionValue>(node.text) : std::nullopt;
}

YamlNode print_option(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return YamlNode::quoted(escape_environment(*text));
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return YamlNode::plain(print_number(*number));
  }
  return YamlNode::plain(option_text(value));
}

bool read_options(const YamlNode& node, Options& value, const ReadContext& context) {
  const bool is_section = node.kind == YamlNode::Kind::kMap || node.kind == YamlNode::Kind::kNull;
  if (!is_section) {
    return context.refuse(node);
  }
  Options options;
  bool is_read = true;
  for (const YamlNode& child : node.children) {
    const ReadContext place = context.at(child.key, "true, false, a number or text");
    const std::optional<OptionValue> option =
        child.kind == YamlNode::Kind::kScalar ? parse_option(child) : std::nullopt;
    if (!option) {
      is_read = place.refuse(child);
      continue;
    }
    options[child.key] = *option;
    place.record(child);
  }
  if (is_read) {
    value = std::move(options);
    context.record(node);
  }
  return is_read;
}

YamlNode write_options(const Options& options) {
  YamlNode section = YamlNode::map();
  for (const auto& [name, value] : options) {
    section.add(name, print_option(value));
  }
  return section;
}

/// Where `path` was written, or the nearest section around it that was.
Origin origin_of(std::string path, const Origins& origins) {
  while (origins.count(path) == 0) {
    const size_t dot = path.rfind('.');
    if (dot == std::string::npos) {
      return {};
    }
    path.resize(dot);
  }
  return origins.at(path);
}

}  // namespace

Codec<std::string> router_name() {
  return registered_name([] { return moe::components().routers.names(); });
}

Codec<std::string> experts_name() {
  return registered_name([] { return moe::components().experts.names(); });
}

Codec<std::string> routing_loss_name() {
  return registered_name([] { return moe::components().losses.names(); });
}

Codec<Options> options_section() {
  const YamlNode values = json_object({{"type", json_texts({"boolean", "number", "string"})}});
  return {
      "a section of options",
      read_options,
      write_options,
      {json_object({{"type", json_texts({"object", "null"})}, {"additionalProperties", values}}),
       {}}};
}

void check_components(const Recipe& recipe, const Origins& origins, FaultList& faults) {
  const moe::MoeLayerConfig layer = moe_layer_config(recipe);
  ConfigFaults found("moe");
  collect_component_faults(layer, found);
  for (size_t i = 0; i < layer.losses.size(); ++i) {
    found.require_valid("losses." + std::to_string(i), layer.losses[i]);
  }
  std::vector<ConfigFaults::Fault> new_faults;
  for (const ConfigFaults::Fault& fault : found.faults()) {
    if (!faults.touches(fault.path.substr(0, fault.path.find(".options")))) {
      new_faults.push_back(fault);
    }
  }
  for (const ConfigFaults::Fault& fault : new_faults) {
    faults.add(origin_of(fault.path, origins),
               fault.path,
               fault.rule + ", found " + one_line(fault.value));
  }
}

}  // namespace hecaton::recipes
