// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// Changes the tree of a recipe by one argument of the command line, where a key may have an old
/// name:
///
///   a.b.c=value    sets a key; the value is YAML. `+a.b.c=value` and `--a.b.c=value` do the same
///   a.list.0=value sets an entry of a list, which starts from its default; one past the last
///                  appends
///   ~a.b           deletes a key, which goes back to its default, or an entry of a list
///
/// number: the place of the argument on the command line, which orders the faults.
void apply_override(YamlNode& recipe,
                    const std::string& argument,
                    int number,
                    FaultList& faults,
                    std::vector<std::string>& warnings);

}  // namespace hecaton::recipes
