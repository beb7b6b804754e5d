// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/recipe_io.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "recipes/config/aliases.h"
#include "recipes/config/component_keys.h"
#include "recipes/config/environment.h"
#include "recipes/config/overrides.h"
#include "recipes/config/recipe_schema.h"
#include "recipes/config/yaml_document.h"
#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

// yaml-cpp needs up to 230 times as much memory.
constexpr size_t kMaxRecipeBytes = size_t{1} << 18;

/// At most one byte more than a recipe may have.
std::string read_recipe_file(const std::string& path) {
  std::error_code status;  // a path that cannot be looked up counts as missing
  if (!std::filesystem::exists(path, status)) {
    throw ConfigError("recipe not found: " + path);
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxRecipeBytes + 1, '\0');
  if (std::filesystem::is_directory(path, status) || !file) {
    throw ConfigError("recipe is not a file that can be read: " + path);
  }
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

/// The text as a tree. Faults that leave nothing to read end here.
YamlNode read_tree(const std::string& text, const std::string& path, FaultList& faults) {
  if (text.size() > kMaxRecipeBytes) {
    throw ConfigError("recipe is larger than 256 KiB: " + path);
  }
  const Origin start{one_line(path), 1, 1};
  YamlNode root = parse_yaml(text, start, "", faults);
  if (root.kind == YamlNode::Kind::kNull && faults.is_empty()) {
    faults.add(start, "", "the recipe is empty");
  }
  if (root.kind == YamlNode::Kind::kScalar || root.kind == YamlNode::Kind::kSequence) {
    faults.add(root.origin, "", "must be a section of keys, found " + describe(root));
  }
  if (root.kind != YamlNode::Kind::kMap) {
    faults.throw_if_any();
  }
  return root;
}

/// Where the fault of a rule is shown: at the first of its keys that was given.
Origin origin_of(const RecipeRule& rule, const Origins& origins) {
  for (const std::string& key : rule.keys) {
    const auto given = origins.find(key);
    if (given != origins.end()) {
      return given->second;
    }
  }
  return {};
}

/// Rules whose keys have faults of their own are passed over: their values are not the user's.
void check_rules(const Recipe& recipe, const Origins& origins, FaultList& faults) {
  std::vector<std::pair<const RecipeRule*, std::string>> broken;
  for (const RecipeRule& rule : recipe_rules()) {
    const bool is_readable =
        std::none_of(rule.keys.begin(), rule.keys.end(), [&faults](const std::string& key) {
          return faults.touches(key);
        });
    if (!is_readable) {
      continue;
    }
    if (const std::optional<std::string> message = rule.broken_by(recipe)) {
      broken.emplace_back(&rule, *message);
    }
  }
  for (const auto& [rule, message] : broken) {
    faults.add(origin_of(*rule, origins), rule->keys.front(), message);
  }
}

void clamp_warmup(LoadedRecipe& loaded) {
  const auto max_steps = static_cast<double>(loaded.recipe.training.max_steps);
  double& warmup_steps = loaded.recipe.lr_scheduler.warmup_steps;
  if (warmup_steps > max_steps) {
    loaded.warnings.push_back("lr_scheduler.warmup_steps = " + print_number(warmup_steps) +
                              " is cut to training.max_steps = " + print_number(max_steps));
    warmup_steps = max_steps;
  }
}

/// Puts the origins into a tree that was written from the recipe.
void set_origins(YamlNode& node, const std::string& path, const Origins& origins) {
  const auto given = origins.find(path);
  node.origin = given == origins.end() ? Origin{} : given->second;
  for (size_t idx = 0; idx < node.children.size(); ++idx) {
    YamlNode& child = node.children[idx];
    const bool is_entry = node.kind == YamlNode::Kind::kSequence;
    set_origins(child, join_path(path, is_entry ? std::to_string(idx) : child.key), origins);
  }
}

}  // namespace

LoadedRecipe load_recipe(const std::string& path, const std::vector<std::string>& overrides) {
  return parse_recipe(read_recipe_file(path), path, overrides);
}

LoadedRecipe parse_recipe(const std::string& text,
                          const std::string& path,
                          const std::vector<std::string>& overrides) {
  FaultList faults;
  LoadedRecipe loaded;
  YamlNode root = read_tree(text, path, faults);
  rename_aliases(root, faults, loaded.warnings);
  int number = 0;
  for (const std::string& argument : overrides) {
    apply_override(root, argument, ++number, faults, loaded.warnings);
  }
  expand_environment(root, "", faults);
  recipe_schema().read(root, loaded.recipe, {faults, loaded.origins, "", "a section of keys"});
  check_rules(loaded.recipe, loaded.origins, faults);
  check_components(loaded.recipe, loaded.origins, faults);
  faults.throw_if_any();
  if (loaded.recipe.output_dir.empty()) {
    loaded.recipe.output_dir = "runs/" + std::filesystem::path(path).stem().string();
  }
  clamp_warmup(loaded);
  return loaded;
}

void validate_recipe(const Recipe& recipe) {
  FaultList faults;
  Origins origins;
  Recipe copy;
  const YamlNode root = recipe_schema().write(recipe);
  recipe_schema().read(root, copy, {faults, origins, "", "a section of keys"});
  check_rules(copy, origins, faults);
  check_components(copy, origins, faults);
  faults.throw_if_any();
}

std::string print_recipe(const LoadedRecipe& loaded, bool with_origins) {
  YamlNode root = recipe_schema().write(loaded.recipe);
  set_origins(root, "", loaded.origins);
  return print_yaml(root, with_origins);
}

}  // namespace hecaton::recipes
