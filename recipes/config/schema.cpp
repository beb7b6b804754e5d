// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/schema.h"

#include <cstddef>
#include <utility>

#include "recipes/config/nearest_name.h"

namespace hecaton::recipes {
namespace {

/// Longer names are cut off before they are compared.
constexpr size_t kLongestName = 64;
/// A name of another section is suggested up to this distance.
constexpr size_t kFarthestMatch = 2;

/// "a.b.c" as {"a.b", "c"}.
std::pair<std::string, std::string> split_last(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? std::pair<std::string, std::string>("", path)
                                  : std::pair(path.substr(0, dot), path.substr(dot + 1));
}

}  // namespace

std::string unknown_key_message(const std::string& path, const std::vector<std::string>& names) {
  const auto [section, last] = split_last(path);
  const std::string* nearest = nullptr;
  size_t nearest_distance = 0;
  bool is_nearest_inside = false;
  for (const std::string& name : names) {
    const auto [name_section, name_last] = split_last(name);
    const bool is_inside = name_section == section;
    const size_t distance = edit_distance(last.substr(0, kLongestName), name_last);
    if (!is_inside && distance > kFarthestMatch) {
      continue;
    }
    const bool is_nearer = distance < nearest_distance ||
                           (distance == nearest_distance && is_inside && !is_nearest_inside);
    if (nearest == nullptr || is_nearer) {
      nearest = &name;
      nearest_distance = distance;
      is_nearest_inside = is_inside;
    }
  }
  return nearest == nullptr ? "unknown key" : "unknown key; did you mean '" + *nearest + "'?";
}

YamlNode& section_at(YamlNode& map, const std::string& path) {
  const auto [outer, last] = split_last(path);
  YamlNode& parent = outer.empty() ? map : section_at(map, outer);
  YamlNode* section = parent.find(last);
  return section == nullptr ? parent.add(last, YamlNode::map()) : *section;
}

}  // namespace hecaton::recipes
