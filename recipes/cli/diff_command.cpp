// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <iostream>
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

/// A YAML document; JSON is one, too.
YamlNode read_tree(const std::string& path) {
  FaultList faults;
  YamlNode root = parse_yaml(read_model_text(path), {one_line(path), 1, 1}, "", faults);
  faults.throw_if_any();
  return root;
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
  return print_changes("config.json",
                       compare_trees(read_tree(a.model_folder + "/config.json"),
                                     read_tree(b.model_folder + "/config.json")));
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
