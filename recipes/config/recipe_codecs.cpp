// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_codecs.h"

#include <algorithm>
#include <cmath>

#include "recipes/config/value_form.h"
#include "recipes/config/yaml_node.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {

Codec<double> above_zero() {
  return number({.min = 0.0, .excludes_min = true});
}

Codec<double> at_least_zero() {
  return number({.min = 0.0});
}

Codec<double> below_one() {
  return number({.min = 0.0, .max = 1.0, .excludes_max = true});
}

Codec<double> share() {
  return number({.min = 0.0, .max = 1.0});
}

Codec<double> steps_or_share(int64_t min) {
  constexpr int64_t kMostSteps = 1'000'000'000'000'000;  // every such integer is a double
  return scalar<double>(
      "a number of steps of at least " + std::to_string(min) +
          ", or a share of max_steps in (0, 1)",
      [min](const YamlNode& node) -> std::optional<double> {
        const double value = parse_number(node.text).value_or(-1.0);
        const bool is_share = value > 0.0 && value < 1.0;
        const bool is_steps = value >= static_cast<double>(min) && value == std::floor(value) &&
                              value <= static_cast<double>(kMostSteps);
        return !node.is_quoted && (is_share || is_steps) ? std::optional(value) : std::nullopt;
      },
      [](const double& value) { return YamlNode::plain(print_number(value)); },
      any_of({number_form({.min = 0.0, .max = 1.0, .excludes_min = true, .excludes_max = true}),
              integer_form(min, kMostSteps)}));
}

Codec<std::vector<int64_t>> layer_list(int64_t max_layers) {
  const Codec<std::vector<int64_t>> list = list_of("layer indices", integer(0, max_layers - 1));
  Codec<std::vector<int64_t>> codec = list;
  codec.expected = list.expected + ", none";
  codec.form = {any_of({list.form.json, unset_form("none")}), {}};
  codec.read = [list](
                   const YamlNode& node, std::vector<int64_t>& value, const ReadContext& context) {
    if (!node.is_plain_scalar() || node.text != "none") {
      return list.read(node, value, context);
    }
    value.clear();
    context.record(node);
    return true;
  };
  codec.write = [list](const std::vector<int64_t>& value) {
    return value.empty() ? YamlNode::plain("none") : list.write(value);
  };
  return codec;
}

Codec<std::array<double, 2>> pair_of(const std::string& plural, const Codec<double>& entry) {
  const Codec<std::vector<double>> list = list_of(plural, entry);
  Codec<std::array<double, 2>> codec;
  codec.expected = "a list of two " + plural;
  codec.form = list.form;
  codec.form.json.add("minItems", YamlNode::plain("2"));
  codec.form.json.add("maxItems", YamlNode::plain("2"));
  codec.read = [list](
                   const YamlNode& node, std::array<double, 2>& value, const ReadContext& context) {
    std::vector<double> entries;
    if (node.kind == YamlNode::Kind::kSequence && node.children.size() != value.size()) {
      return context.refuse(node);
    }
    if (!list.read(node, entries, context)) {
      return false;
    }
    std::copy(entries.begin(), entries.end(), value.begin());
    return true;
  };
  codec.write = [list](const std::array<double, 2>& value) {
    return list.write({value.begin(), value.end()});
  };
  return codec;
}

}  // namespace hecaton::recipes
