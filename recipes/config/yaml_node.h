// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recipes/config/fault_list.h"

namespace hecaton::recipes {

/// One value of a YAML document, with its place. Plain values, copied freely.
struct YamlNode {
  enum class Kind {
    kNull,
    kScalar,
    kSequence,
    kMap,
    kInvalid,  ///< has a fault that is listed already; readers pass over it
  };

  Kind kind = Kind::kNull;
  /// Scalar: its text, unquoted and unescaped.
  std::string text;
  /// Scalar: written with quotes or as a block, so it is text whatever it looks like.
  bool is_quoted = false;
  Origin origin;
  /// The name under which a map holds this value, and its place.
  std::string key;
  Origin key_origin;
  /// Entries of a sequence, or values of a map, in the order of the document.
  std::vector<YamlNode> children;

  static YamlNode null();
  static YamlNode plain(std::string text);
  static YamlNode quoted(std::string text);
  static YamlNode map();
  static YamlNode sequence(std::vector<YamlNode> entries);

  bool is_plain_scalar() const { return kind == Kind::kScalar && !is_quoted; }
  /// The value of a map under `name`, or nullptr.
  YamlNode* find(std::string_view name);
  const YamlNode* find(std::string_view name) const;
  /// Adds a value under `name` to a map.
  YamlNode& add(const std::string& name, YamlNode value);
  /// Becomes `value` in all but the name and the name's place.
  void assign(YamlNode value);
};

/// What `node` is, for "found ...": `12`, `"12"`, `null`, `a list of 2 entries`, `a section`.
std::string describe(const YamlNode& node);

/// The node at the dotted path, where the parts of lists are numbers from 0; nullptr if there is
/// none.
const YamlNode* find_path(const YamlNode& root, const std::string& path);

/// `map` as YAML text that reads back as the same values: maps and lists of maps in blocks, other
/// lists on one line. with_origins: each value is followed by a comment that says where it comes
/// from.
std::string print_yaml(const YamlNode& map, bool with_origins);

}  // namespace hecaton::recipes
