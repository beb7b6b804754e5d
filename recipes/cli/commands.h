// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "recipes/model/generator.h"

namespace hecaton::recipes {

/// What a RECIPE command is given.
struct RecipeArguments {
  std::string path;
  std::vector<std::string> overrides;
};

/// The sub-commands. Each prints its result on standard output and throws on failure.
void train(const RecipeArguments& arguments, const std::shared_ptr<parallel::Communicator>& world);
void validate(const RecipeArguments& arguments);
void print_config(const RecipeArguments& arguments);

/// model: a run folder, a step folder or a model folder. data: files or folders; empty: the
/// validation data of the model's recipe.
void evaluate(const std::string& model, const std::vector<std::string>& data);
void generate(const std::string& model, const std::string& prompt, const SamplingConfig& sampling);
void inspect(const std::string& model);

/// Lists the recipes of a folder with the first comment line of each.
void list_recipes(const std::string& folder);
/// what: "layer". Table on standard error, or JSON lines on standard output.
void bench(const std::string& what, bool as_json, int64_t num_rounds, int64_t num_threads);
void print_version();

}  // namespace hecaton::recipes
