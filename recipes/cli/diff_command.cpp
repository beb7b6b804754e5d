// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recipes/cli/model_commands.h"
#include "recipes/config/fault_list.h"
#include "recipes/config/recipe_diff.h"
#include "recipes/config/recipe_io.h"
#include "recipes/config/yaml_document.h"
#include "recipes/model/model_diff.h"
#include "recipes/model/model_text.h"
#include "recipes/model/model_weights.h"
#include "recipes/train/run_folder.h"

namespace hecaton::recipes {
namespace {

using Values = std::map<std::string, std::string>;

std::string value_text(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kScalar) {
    return describe(node);
  }
  return node.is_quoted ? "\"" + node.text + "\"" : node.text;
}

/// Every scalar and empty list below `node` by its dotted path.
void collect_values(const YamlNode& node, const std::string& path, Values& values) {
  const bool is_list = node.kind == YamlNode::Kind::kSequence;
  if (node.children.empty()) {
    values[path] = value_text(node);
  }
  for (size_t i = 0; i < node.children.size(); ++i) {
    const YamlNode& child = node.children[i];
    collect_values(child, join_path(path, is_list ? std::to_string(i) : child.key), values);
  }
}

/// The values of a YAML document; JSON is one, too.
Values values_of(const std::string& text, const std::string& path) {
  FaultList faults;
  const YamlNode root = parse_yaml(text, {one_line(path), 1, 1}, "", faults);
  faults.throw_if_any();
  Values values;
  collect_values(root, "", values);
  return values;
}

/// The same as compare_recipes(), for any documents.
std::vector<RecipeChange> compare_values(const Values& before, const Values& after) {
  std::set<std::string> keys;
  for (const Values* values : {&before, &after}) {
    for (const auto& [key, value] : *values) {
      keys.insert(key);
    }
  }
  const auto value_of = [](const Values& values, const std::string& key) {
    const auto place = values.find(key);
    return place == values.end() ? std::string("nothing") : place->second;
  };
  std::vector<RecipeChange> changes;
  for (const std::string& key : keys) {
    if (value_of(before, key) != value_of(after, key)) {
      changes.push_back({key, value_of(before, key), value_of(after, key)});
    }
  }
  return changes;
}

/// Returns whether there is anything to print.
bool print_changes(const std::string& title, const std::vector<RecipeChange>& changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    std::cout << (i == 0 ? title + "\n" : "") << "  " << one_line(changes[i].key) << ": "
              << one_line(changes[i].before) << " -> " << one_line(changes[i].after) << "\n";
  }
  return !changes.empty();
}

bool print_recipe_changes(const ModelLocation& a, const ModelLocation& b) {
  if (a.recipe_path.empty() || b.recipe_path.empty()) {
    return false;
  }
  std::vector<RecipeChange> changes =
      compare_recipes(load_recipe(a.recipe_path).recipe, load_recipe(b.recipe_path).recipe);
  // Every run has a folder of its own.
  changes.erase(
      std::remove_if(changes.begin(),
                     changes.end(),
                     [](const RecipeChange& change) { return change.key == "output_dir"; }),
      changes.end());
  return print_changes("recipe", changes);
}

bool print_config_changes(const ModelLocation& a, const ModelLocation& b) {
  const auto values = [](const ModelLocation& location) {
    const std::string path = location.model_folder + "/config.json";
    return values_of(read_model_text(path), path);
  };
  return print_changes("config.json", compare_values(values(a), values(b)));
}

void print_list(const std::string& title, const std::vector<std::string>& lines) {
  constexpr size_t kMostShown = 20;
  if (lines.empty()) {
    return;
  }
  std::cout << title << ": " << lines.size() << "\n";
  for (size_t i = 0; i < lines.size() && i < kMostShown; ++i) {
    std::cout << "  " << lines[i] << "\n";
  }
  if (lines.size() > kMostShown) {
    std::cout << "  and " << lines.size() - kMostShown << " more\n";
  }
}

void print_tensor_differences(const ModelDiff& diff) {
  print_list("tensors only in the first", diff.only_in_a);
  print_list("tensors only in the second", diff.only_in_b);
  print_list("tensors of another shape or dtype", diff.other_form);
  size_t num_equal = 0;
  bool has_title = false;
  for (const auto& [name, group] : diff.groups) {
    num_equal += group.num_tensors - group.num_different;
    if (group.num_different == 0) {
      continue;
    }
    if (!has_title) {
      std::printf("%-12s %-9s %-9s %s\n", "different", "max abs", "max rel", "tensors, worst");
      has_title = true;
    }
    const std::string share =
        std::to_string(group.num_different) + " of " + std::to_string(group.num_tensors);
    std::printf("%-12s %-9.2g %-9.2g %s\n",
                share.c_str(),
                group.worst.absolute,
                group.worst.relative,
                name.c_str());
    if (group.worst_name != name) {
      std::printf("%-32s %s\n", "", group.worst_name.c_str());
    }
  }
  std::printf("%zu tensors are equal to the bit\n", num_equal);
}

}  // namespace

void diff(const std::string& model, const std::string& other) {
  const ModelLocation a = find_model(model);
  const ModelLocation b = find_model(other);
  bool is_different = print_recipe_changes(a, b);
  is_different = print_config_changes(a, b) || is_different;
  std::cout << std::flush;
  const ModelDiff tensors =
      compare_weights(ModelWeights(a.model_folder), ModelWeights(b.model_folder));
  print_tensor_differences(tensors);
  std::printf("%s\n", is_different || !tensors.is_equal() ? "different" : "equal");
  static_cast<void>(std::fflush(stdout));  // tested once, at the end of the program
}

}  // namespace hecaton::recipes
