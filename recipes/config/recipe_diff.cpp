// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_diff.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "recipes/config/recipe_schema.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {
namespace {

using Leaf = std::pair<std::string, std::string>;

/// A value without parts of its own: a scalar, null, an empty list or section.
std::string leaf_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kScalar:
      return node.text.empty() ? "\"\"" : node.text;
    case YamlNode::Kind::kSequence:
      return "[]";
    case YamlNode::Kind::kMap:
      return "{}";
    default:
      return "null";
  }
}

void append_leaves(const YamlNode& node, const std::string& path, std::vector<Leaf>& leaves) {
  if (node.children.empty()) {
    leaves.emplace_back(path, leaf_text(node));
    return;
  }
  const bool is_list = node.kind == YamlNode::Kind::kSequence;
  for (size_t idx = 0; idx < node.children.size(); ++idx) {
    const YamlNode& child = node.children[idx];
    append_leaves(child, join_path(path, is_list ? std::to_string(idx) : child.key), leaves);
  }
}

std::vector<Leaf> leaves_of(const Recipe& recipe) {
  std::vector<Leaf> leaves;
  append_leaves(recipe_schema().write(recipe), "", leaves);
  return leaves;
}

std::optional<std::string> value_at(const std::vector<Leaf>& leaves, const std::string& path) {
  const auto leaf = std::find_if(
      leaves.begin(), leaves.end(), [&path](const Leaf& entry) { return entry.first == path; });
  return leaf == leaves.end() ? std::nullopt : std::optional(leaf->second);
}

}  // namespace

std::vector<RecipeChange> compare_recipes(const Recipe& before, const Recipe& after) {
  const std::vector<Leaf> old_leaves = leaves_of(before);
  const std::vector<Leaf> new_leaves = leaves_of(after);
  std::vector<RecipeChange> changes;
  for (const auto& [path, text] : old_leaves) {
    const std::string now = value_at(new_leaves, path).value_or("nothing");
    if (now != text) {
      changes.push_back({path, text, now});
    }
  }
  for (const auto& [path, text] : new_leaves) {
    if (!value_at(old_leaves, path)) {
      changes.push_back({path, "nothing", text});
    }
  }
  return changes;
}

}  // namespace hecaton::recipes
