// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_diff.h"

#include <cstddef>
#include <map>
#include <utility>

#include "recipes/config/recipe_schema.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

using Leaf = std::pair<std::string, std::string>;

/// A value without parts of its own: a scalar, null, an empty list or section.
std::string leaf_text(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kScalar:
      return node.is_quoted ? print_text(node.text) : node.text;
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

std::vector<Leaf> leaves_of(const YamlNode& tree) {
  std::vector<Leaf> leaves;
  append_leaves(tree, "", leaves);
  return leaves;
}

}  // namespace

std::vector<RecipeChange> compare_trees(const YamlNode& before, const YamlNode& after) {
  const std::vector<Leaf> old_leaves = leaves_of(before);
  const std::vector<Leaf> new_leaves = leaves_of(after);
  const std::map<std::string, std::string> old_texts(old_leaves.begin(), old_leaves.end());
  const std::map<std::string, std::string> new_texts(new_leaves.begin(), new_leaves.end());
  std::vector<RecipeChange> changes;
  for (const auto& [path, text] : old_leaves) {
    const auto now = new_texts.find(path);
    if (now == new_texts.end() || now->second != text) {
      changes.push_back({path, text, now == new_texts.end() ? "nothing" : now->second});
    }
  }
  for (const auto& [path, text] : new_leaves) {
    if (old_texts.count(path) == 0) {
      changes.push_back({path, "nothing", text});
    }
  }
  return changes;
}

std::vector<RecipeChange> compare_recipes(const Recipe& before, const Recipe& after) {
  return compare_trees(recipe_schema().write(before), recipe_schema().write(after));
}

}  // namespace hecaton::recipes
