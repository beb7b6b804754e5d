// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <string>

#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// Deepest nesting of sections and lists that a recipe may have.
constexpr size_t kMaxYamlDepth = 64;
/// Longest key: YAML wants 1024 characters at most where a key is written out, and a control
/// character takes four.
constexpr size_t kMaxYamlKeyBytes = 250;
/// Most keys, values, lists and sections together: a file of commas holds a million, at 300 bytes
/// each.
constexpr size_t kMaxYamlValues = 50'000;

/// Reads one strict YAML document: no duplicate keys, anchors, aliases, merge keys, tags, keys that
/// are not scalars, control characters or second documents, keys of
/// at most kMaxYamlKeyBytes, at most kMaxYamlDepth levels and kMaxYamlValues values.
///
/// origin:      names the source. Places are taken from the text if origin.line is not 0; otherwise
///              every node has `origin` itself.
/// path:        the key whose value the document is; empty for a recipe.
/// Returns:     the tree. kInvalid after a fault that ends reading (syntax, depth, number of
///              values), kNull if the text holds no value.
/// Errors:      none but those of FaultList::add(); every fault goes to `faults`.
YamlNode parse_yaml(const std::string& text,
                    const Origin& origin,
                    const std::string& path,
                    FaultList& faults);

}  // namespace hecaton::recipes
