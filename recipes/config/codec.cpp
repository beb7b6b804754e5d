// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/codec.h"

#include "recipes/config/environment.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

std::string integer_range(int64_t min, int64_t max) {
  if (max == std::numeric_limits<int64_t>::max()) {
    return "an integer of at least " + std::to_string(min);
  }
  return "an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

bool ReadContext::refuse(const YamlNode& node) const {
  if (node.kind != YamlNode::Kind::kInvalid) {
    faults.add(node.origin, path, "must be " + expected + ", found " + describe(node));
  }
  return false;
}

Codec<bool> boolean() {
  return scalar<bool>(
      "true or false",
      [](const YamlNode& node) { return node.is_quoted ? std::nullopt : parse_boolean(node.text); },
      [](const bool& value) { return YamlNode::plain(value ? "true" : "false"); });
}

Codec<int64_t> integer(int64_t min, int64_t max) {
  return scalar<int64_t>(
      integer_range(min, max),
      [min, max](const YamlNode& node) -> std::optional<int64_t> {
        const std::optional<int64_t> value = parse_integer(node.text);
        return !node.is_quoted && value && *value >= min && *value <= max ? value : std::nullopt;
      },
      [](const int64_t& value) { return YamlNode::plain(std::to_string(value)); });
}

Codec<double> number(const std::string& range, std::function<bool(double)> is_in_range) {
  return scalar<double>(
      "a number " + range,
      [is_in_range = std::move(is_in_range)](const YamlNode& node) -> std::optional<double> {
        const std::optional<double> value = parse_number(node.text);
        return !node.is_quoted && value && is_in_range(*value) ? value : std::nullopt;
      },
      [](const double& value) { return YamlNode::plain(print_number(value)); });
}

Codec<std::string> text() {
  return scalar<std::string>(
      "text",
      [](const YamlNode& node) -> std::optional<std::string> {
        const bool is_text = node.is_quoted || is_plain_text(node.text);
        return is_text && !node.text.empty() ? std::optional(node.text) : std::nullopt;
      },
      [](const std::string& value) { return YamlNode::quoted(escape_environment(value)); });
}

Codec<std::string> name_of(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> words;
  words.reserve(names.size());
  for (const std::string& name : names) {
    words.emplace_back(name, name);
  }
  return choice(words);
}

}  // namespace hecaton::recipes
