// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/codec.h"

#include "recipes/config/environment.h"
#include "recipes/config/nearest_name.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

/// Longer texts are cut off before they are compared with words.
constexpr size_t kLongestWord = 64;

std::string integer_range(int64_t min, int64_t max) {
  if (max == std::numeric_limits<int64_t>::max()) {
    return "an integer of at least " + std::to_string(min);
  }
  return "an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

bool ReadContext::refuse(const YamlNode& node, const std::vector<std::string>& words) const {
  if (node.kind != YamlNode::Kind::kInvalid) {
    const std::string nearest = nearest_name(node.text.substr(0, kLongestWord), words);
    faults.add(node.origin,
               path,
               "must be " + expected + ", found " + describe(node) +
                   (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
  }
  return false;
}

Codec<bool> boolean() {
  return scalar<bool>(
      "true or false",
      [](const YamlNode& node) { return node.is_quoted ? std::nullopt : parse_boolean(node.text); },
      [](const bool& value) { return YamlNode::plain(value ? "true" : "false"); },
      json_object({{"type", YamlNode::quoted("boolean")}}));
}

Codec<int64_t> integer(int64_t min, int64_t max) {
  const bool is_open = max == std::numeric_limits<int64_t>::max();
  return scalar<int64_t>(
      integer_range(min, max),
      [min, max](const YamlNode& node) -> std::optional<int64_t> {
        const std::optional<int64_t> value = parse_integer(node.text);
        return !node.is_quoted && value && *value >= min && *value <= max ? value : std::nullopt;
      },
      [](const int64_t& value) { return YamlNode::plain(std::to_string(value)); },
      integer_form(min, is_open ? std::nullopt : std::optional<int64_t>(max)));
}

Codec<double> number(const NumberRange& range) {
  return scalar<double>(
      "a number " + range.text(),
      [range](const YamlNode& node) -> std::optional<double> {
        const std::optional<double> value = parse_number(node.text);
        return !node.is_quoted && value && range.contains(*value) ? value : std::nullopt;
      },
      [](const double& value) { return YamlNode::plain(print_number(value)); },
      number_form(range));
}

Codec<std::string> text() {
  return scalar<std::string>(
      "text",
      [](const YamlNode& node) -> std::optional<std::string> {
        const bool is_text = node.is_quoted || is_plain_text(node.text);
        return is_text && !node.text.empty() ? std::optional(node.text) : std::nullopt;
      },
      [](const std::string& value) { return YamlNode::quoted(escape_environment(value)); },
      json_object({{"type", YamlNode::quoted("string")}, {"minLength", YamlNode::plain("1")}}));
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
