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

void erase_key(YamlNode& recipe, const std::string& path, const Origin& origin, FaultList& faults) {
  const Schema<Recipe>& schema = recipe_schema();
  const bool is_known = schema.find(path) != nullptr || schema.is_section(path);
  if (!erase_path(recipe, path) && !is_known) {
    faults.add(origin, path, unknown_key_message(path, schema.names()));
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
    erase_key(recipe, canonical_path(argument.substr(1)), origin, faults);
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
