// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recipes/config/codec.h"

namespace hecaton::recipes {

// Values that several keys of a recipe have.

Codec<double> above_zero();
Codec<double> at_least_zero();
/// In [0, 1).
Codec<double> below_one();
/// In [0, 1].
Codec<double> share();

/// A number of steps of at least `min`, or a share of the run in (0, 1). min: 0 or 1.
Codec<double> steps_or_share(int64_t min);

/// Indices from 0 to max_layers - 1; the word `none` is the empty list.
Codec<std::vector<int64_t>> layer_list(int64_t max_layers);

/// Exactly two values. plural: completes "must be a list of two ...".
Codec<std::array<double, 2>> pair_of(const std::string& plural, const Codec<double>& entry);

/// The value, or null for unset.
template <typename T>
Codec<std::optional<T>> or_null(const Codec<T>& inner) {
  return optional_as("null", inner);
}

/// The list, refused when it has no entry.
template <typename T>
Codec<std::vector<T>> not_empty(const Codec<std::vector<T>>& list) {
  Codec<std::vector<T>> codec = list;
  codec.expected = list.expected + ", at least one";
  codec.form.json.add("minItems", YamlNode::plain("1"));
  codec.read = [list](const YamlNode& node, std::vector<T>& value, const ReadContext& context) {
    if (node.kind == YamlNode::Kind::kSequence && node.children.empty()) {
      return context.refuse(node);
    }
    return list.read(node, value, context);
  };
  return codec;
}

}  // namespace hecaton::recipes
