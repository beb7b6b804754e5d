// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// Moves each value that stands under an old name to its canonical key, with one warning each. An
/// old name is known at the top of the recipe and in the section of its canonical key; one whose
/// canonical key is given too is a fault.
void rename_aliases(YamlNode& recipe, FaultList& faults, std::vector<std::string>& warnings);

/// Sets the key `path` of an override, which may be an old name; that is one warning.
void set_by_any_name(YamlNode& recipe,
                     const std::string& path,
                     YamlNode value,
                     FaultList& faults,
                     std::vector<std::string>& warnings);

/// The canonical path for an old name; for the coefficient of a loss the entry of moe.losses, given
/// or default, or "" if there is none; `path` itself for every other.
std::string canonical_path(const YamlNode& recipe, const std::string& path);

/// A further name of a key in a recipe file.
struct OtherName {
  std::string path;       ///< dotted
  std::string canonical;  ///< the key whose value it is, or the list of which it sets one entry
  std::string doc;        ///< one line
  bool is_old = false;    ///< brings a warning
  YamlNode json;          ///< JSON Schema of its values
};

/// Every name that rename_aliases() knows.
std::vector<OtherName> other_names();

}  // namespace hecaton::recipes
