// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipes/config/fault_list.h"
#include "recipes/config/value_form.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// Where each value of a recipe comes from, by dotted path; a path that is absent is a default.
using Origins = std::map<std::string, Origin>;

/// What one step of reading knows and adds to.
struct ReadContext {
  FaultList& faults;
  Origins& origins;
  /// Dotted path of the value.
  std::string path;
  /// Completes "must be ..." in a fault of this value.
  std::string expected;

  ReadContext at(const std::string& name, const std::string& name_expected) const {
    return {faults, origins, join_path(path, name), name_expected};
  }
  void record(const YamlNode& node) const { origins[path] = node.origin; }
  /// Lists "must be <expected>, found ..." unless the node's own fault is listed already; returns
  /// false. words: the nearest of them to what was found is suggested.
  bool refuse(const YamlNode& node, const std::vector<std::string>& words = {}) const;
};

/// Turns the YAML form of one value into a T and back.
template <typename T>
struct Codec {
  /// Completes "must be ...": type and range.
  std::string expected;
  /// Sets `value` from the node and records its origin; or lists a fault, leaves `value` alone and
  /// returns false.
  std::function<bool(const YamlNode&, T& value, const ReadContext&)> read;
  std::function<YamlNode(const T&)> write;
  /// The same as `expected`, for editors.
  ValueForm form;
};

/// `true` or `false`.
Codec<bool> boolean();
/// A whole number in [min, max].
Codec<int64_t> integer(int64_t min, int64_t max = std::numeric_limits<int64_t>::max());
/// A finite number.
Codec<double> number(const NumberRange& range);
/// Text that is not empty.
Codec<std::string> text();

/// A value that one scalar holds.
/// parse: nothing if the scalar does not fit.
/// json:  its JSON Schema.
/// words: the words that fit, if there are few; the nearest one is suggested for another.
template <typename T>
Codec<T> scalar(const std::string& expected,
                std::function<std::optional<T>(const YamlNode&)> parse,
                std::function<YamlNode(const T&)> write,
                const YamlNode& json,
                const std::vector<std::string>& words = {}) {
  const auto read = [parse, words](const YamlNode& node, T& value, const ReadContext& context) {
    if (node.kind != YamlNode::Kind::kScalar) {
      return context.refuse(node);
    }
    const std::optional<T> parsed = parse(node);
    if (!parsed) {
      return context.refuse(node, words);
    }
    value = *parsed;
    context.record(node);
    return true;
  };
  return {expected, read, std::move(write), {or_environment(json), {}}};
}

/// One of several words.
template <typename T>
Codec<T> choice(const std::vector<std::pair<std::string, T>>& words) {
  std::string expected = words.size() > 1 ? "one of " : "";
  std::vector<std::string> names;
  names.reserve(words.size());
  for (const auto& word : words) {
    expected += (names.empty() ? "" : ", ") + word.first;
    names.push_back(word.first);
  }
  const auto parse = [words](const YamlNode& node) -> std::optional<T> {
    for (const auto& word : words) {
      if (word.first == node.text) {
        return word.second;
      }
    }
    return std::nullopt;
  };
  const auto write = [words](const T& value) {
    for (const auto& word : words) {
      if (word.second == value) {
        return YamlNode::quoted(word.first);
      }
    }
    return YamlNode::null();  // a value without a name, set in code: reading it back is a fault
  };
  return scalar<T>(expected, parse, write, words_form(names), names);
}

/// One of several words that name registered components.
Codec<std::string> name_of(const std::vector<std::string>& names);

/// An optional value, where `word` stands for "unset": `null`, or a word such as `auto`.
template <typename T>
Codec<std::optional<T>> optional_as(const std::string& word, const Codec<T>& inner) {
  Codec<std::optional<T>> codec;
  codec.expected = inner.expected + " or " + word;
  codec.form = {any_of({inner.form.json, unset_form(word)}), inner.form.entry_keys};
  codec.read = [word, inner](
                   const YamlNode& node, std::optional<T>& value, const ReadContext& context) {
    const bool is_unset = word == "null" ? node.kind == YamlNode::Kind::kNull
                                         : node.is_plain_scalar() && node.text == word;
    if (is_unset) {
      value.reset();
      context.record(node);
      return true;
    }
    T part{};
    if (!inner.read(node, part, context)) {
      return false;
    }
    value = std::move(part);
    return true;
  };
  codec.write = [word, inner](const std::optional<T>& value) {
    if (value) {
      return inner.write(*value);
    }
    return word == "null" ? YamlNode::null() : YamlNode::plain(word);
  };
  return codec;
}

/// A list. plural: completes "must be a list of ...".
template <typename T>
Codec<std::vector<T>> list_of(const std::string& plural, const Codec<T>& entry) {
  Codec<std::vector<T>> codec;
  codec.expected = "a list of " + plural;
  codec.form = {list_form(entry.form.json), entry.form.entry_keys};
  codec.read = [entry](const YamlNode& node, std::vector<T>& value, const ReadContext& context) {
    if (node.kind != YamlNode::Kind::kSequence) {
      return context.refuse(node);
    }
    context.record(node);
    std::vector<T> entries(node.children.size());
    bool is_read = true;
    for (size_t idx = 0; idx < entries.size(); ++idx) {
      const ReadContext place = context.at(std::to_string(idx), entry.expected);
      is_read = entry.read(node.children[idx], entries[idx], place) && is_read;
    }
    if (is_read) {
      value = std::move(entries);
    }
    return is_read;
  };
  codec.write = [entry](const std::vector<T>& value) {
    std::vector<YamlNode> entries;
    entries.reserve(value.size());
    for (const T& part : value) {
      entries.push_back(entry.write(part));
    }
    return YamlNode::sequence(std::move(entries));
  };
  return codec;
}

}  // namespace hecaton::recipes
