// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// Puts `value` at the dotted path below `root`. Entries of a list are numbers, one past the last
/// appends. What is missing on the way is made: a list starts from its key's default, or empty.
/// Every list on the way takes the value's origin.
void set_path(YamlNode& root, const std::string& path, YamlNode value, FaultList& faults);

/// The value of the key `path`: the one in the tree, else its default.
YamlNode given_or_default(const YamlNode& root, const std::string& path);

/// Takes the node at the dotted path out of the tree and returns whether there was one.
bool erase_path(YamlNode& root, const std::string& path);

}  // namespace hecaton::recipes
