// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/overrides.h"

#include <cstddef>
#include <utility>

#include "recipes/config/aliases.h"
#include "recipes/config/recipe_schema.h"
#include "recipes/config/tree_edit.h"
#include "recipes/config/yaml_document.h"

namespace hecaton::recipes {
namespace {

bool is_path(const std::string& path) {
  return !path.empty() && path.front() != '.' && path.back() != '.' &&
         path.find("..") == std::string::npos;
}

/// The key whose value `path` leads into: "moe.losses" for "moe.losses.0"; empty if there is none.
std::string key_around(const std::string& path) {
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
    if (recipe_schema().find(path.substr(0, dot)) != nullptr) {
      return path.substr(0, dot);
    }
  }
  return "";
}

void erase_key(YamlNode& recipe, const std::string& path, const Origin& origin, FaultList& faults) {
  const Schema<Recipe>& schema = recipe_schema();
  const bool is_known = schema.find(path) != nullptr || schema.is_section(path);
  if (!erase_path(recipe, path) && !is_known) {
    faults.add(origin, path, unknown_key_message(path, schema.names()));
  }
}

/// Erases an entry of the list `key`, or a part of one. The list is the override's from then on.
void erase_entry(YamlNode& recipe,
                 const std::string& key,
                 const std::string& path,
                 const Origin& origin,
                 FaultList& faults) {
  YamlNode list = given_or_default(recipe, key);
  list.origin = origin;
  set_path(recipe, key, std::move(list), faults);
  if (!erase_path(recipe, path)) {
    faults.add(origin, key, "has no entry " + path.substr(key.size() + 1));
  }
}

void erase(YamlNode& recipe, const std::string& name, const Origin& origin, FaultList& faults) {
  const std::string path = canonical_path(recipe, name);
  if (path.empty()) {
    return;  // the coefficient of a loss that there is not
  }
  const std::string key = key_around(path);
  if (key.empty()) {
    erase_key(recipe, path, origin, faults);
  } else {
    erase_entry(recipe, key, path, origin, faults);
  }
}

}  // namespace

void apply_override(YamlNode& recipe,
                    const std::string& argument,
                    int number,
                    FaultList& faults,
                    std::vector<std::string>& warnings) {
  const Origin origin = override_origin(argument, number);
  if (argument.rfind('~', 0) == 0 && is_path(argument.substr(1))) {
    erase(recipe, argument.substr(1), origin, faults);
    return;
  }
  const bool has_dashes = argument.rfind("--", 0) == 0;
  const bool has_plus = argument.rfind('+', 0) == 0;
  const size_t start = has_dashes ? 2 : (has_plus ? 1 : 0);
  const size_t equals = argument.find('=');
  const std::string path = argument.substr(start, equals - start);
  if (equals == std::string::npos || !is_path(path)) {
    faults.add(origin, "", "must have the form key=value or ~key");
    return;
  }
  YamlNode value = parse_yaml(argument.substr(equals + 1), origin, path, faults);
  set_by_any_name(recipe, path, std::move(value), faults, warnings);
}

}  // namespace hecaton::recipes
