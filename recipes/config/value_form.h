// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

struct KeyDescription;

/// What a value may be, for editors and for the reference pages.
struct ValueForm {
  /// A JSON Schema (draft 2020-12) as a tree: quoted scalars are texts, plain ones are not.
  YamlNode json;
  /// The keys of each entry, if the value is a list of sections.
  std::vector<KeyDescription> entry_keys;
};

/// Everything that is known about a key but its type in C++.
struct KeyDescription {
  std::string path;      ///< dotted, from the owner of the key
  std::string doc;       ///< one line: meaning and unit
  std::string expected;  ///< completes "must be ..."
  bool is_required = false;
  std::optional<YamlNode> default_value = {};  ///< unset: none, or one that depends on other keys
  ValueForm form;
};

/// The range of a number; unset: without that end.
struct NumberRange {
  std::optional<double> min = {};
  std::optional<double> max = {};
  bool excludes_min = false;
  bool excludes_max = false;

  bool contains(double value) const;
  /// "above 0", "of at least 0", "in [0, 1)"; nothing for a range without a lower end.
  std::string text() const;
};

using JsonMembers = std::vector<std::pair<std::string, YamlNode>>;

/// A JSON object.
YamlNode json_object(const JsonMembers& members);
/// A JSON array of texts.
YamlNode json_texts(const std::vector<std::string>& texts);
/// A JSON Schema for values that fit one of `forms`.
YamlNode any_of(const std::vector<YamlNode>& forms);
/// The same schema, or a reference to an environment variable: `${NAME}` can stand for any scalar.
YamlNode or_environment(const YamlNode& form);

YamlNode integer_form(int64_t min, std::optional<int64_t> max);
YamlNode number_form(const NumberRange& range);
/// One of several words.
YamlNode words_form(const std::vector<std::string>& words);
/// `null`, or a word such as `auto`, that stands for "unset".
YamlNode unset_form(const std::string& word);
YamlNode list_form(const YamlNode& entry);

/// A JSON Schema for a map of these keys and no others. Dotted paths become sections, which may be
/// left empty unless they hold a required key.
/// section_docs: meaning of a section by its dotted path.
YamlNode section_form(const std::vector<KeyDescription>& keys,
                      const std::vector<std::pair<std::string, std::string>>& section_docs = {});

/// Adds a property to what section_form() made. path: dotted.
void add_property(YamlNode& section, const std::string& path, const YamlNode& form);

/// `node` as JSON text with indentation, for trees as above.
std::string print_json(const YamlNode& node);
/// The same on one line.
std::string print_json_line(const YamlNode& node);

}  // namespace hecaton::recipes
