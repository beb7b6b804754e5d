// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/tree_edit.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "recipes/config/recipe_schema.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream stream(path);
  for (std::string part; std::getline(stream, part, '.');) {
    parts.push_back(part);
  }
  return parts;
}

bool is_index(const std::string& part) {
  return !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
}

/// What a key that holds no container becomes when an override goes on into it at `following`.
YamlNode container_for(const std::string& path,
                       const std::string& following,
                       const Origin& origin) {
  const Key<Recipe>* key = recipe_schema().find(path);
  if (is_index(following) && key != nullptr) {
    YamlNode value = key->write(Recipe());
    if (value.kind == YamlNode::Kind::kSequence) {
      return value;
    }
  }
  YamlNode value = is_index(following) ? YamlNode::sequence({}) : YamlNode::map();
  value.origin = origin;
  return value;
}

/// The entry `part` of a list, appended if it is the next one; nullptr after a fault.
YamlNode* entry_at(YamlNode& list,
                   const std::string& path,
                   const std::string& part,
                   const Origin& origin,
                   FaultList& faults) {
  const size_t size = list.children.size();
  const std::optional<int64_t> idx = is_index(part) ? parse_integer(part) : std::nullopt;
  if (!idx || *idx > static_cast<int64_t>(size)) {
    faults.add(origin,
               join_path(path, part),
               "must be an index of the list, from 0 to " + std::to_string(size));
    return nullptr;
  }
  if (*idx == static_cast<int64_t>(size)) {
    list.children.emplace_back().origin = origin;
  }
  list.origin = origin;
  return &list.children[static_cast<size_t>(*idx)];
}

}  // namespace

void set_path(YamlNode& root, const std::string& path, YamlNode value, FaultList& faults) {
  const Origin origin = value.origin;
  YamlNode* node = &root;
  std::string walked;
  for (const std::string& step : split(path)) {
    if (node->kind != YamlNode::Kind::kMap && node->kind != YamlNode::Kind::kSequence) {
      if (node->kind != YamlNode::Kind::kNull && recipe_schema().find(walked) == nullptr) {
        return;  // not the section it should be, which reading it reports
      }
      node->assign(container_for(walked, step, origin));
    }
    if (node->kind == YamlNode::Kind::kSequence) {
      node = entry_at(*node, walked, step, origin, faults);
      if (node == nullptr) {
        return;
      }
    } else {
      YamlNode* child = node->find(step);
      YamlNode fresh;
      fresh.origin = origin;
      node = child == nullptr ? &node->add(step, std::move(fresh)) : child;
    }
    walked = join_path(walked, step);
  }
  node->assign(std::move(value));
}

YamlNode given_or_default(const YamlNode& root, const std::string& path) {
  const YamlNode* given = find_path(root, path);
  return given == nullptr ? recipe_schema().find(path)->write(Recipe()) : *given;
}

bool erase_path(YamlNode& root, const std::string& path) {
  const size_t dot = path.rfind('.');
  const std::string outer = dot == std::string::npos ? "" : path.substr(0, dot);
  const YamlNode* node = find_path(root, path);
  auto* parent = const_cast<YamlNode*>(find_path(root, outer));
  if (node == nullptr) {
    return false;
  }
  parent->children.erase(parent->children.begin() + (node - parent->children.data()));
  return true;
}

}  // namespace hecaton::recipes
