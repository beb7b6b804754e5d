// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hecaton::recipes {

/// Levenshtein's distance: insertions, deletions and replacements that turn a into b.
size_t edit_distance(const std::string& a, const std::string& b);

/// The name within a distance of 2 that is nearest to `name`, the first among equals; "" if none
/// is.
std::string nearest_name(const std::string& name, const std::vector<std::string>& names);

}  // namespace hecaton::recipes
