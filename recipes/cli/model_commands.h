// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recipes/model/generator.h"

namespace hecaton::recipes {

/// The commands about models. Each prints its result on standard output and throws on failure.
/// model: a run folder (its latest step), a step folder or a model folder.

/// data: files or folders; empty: the validation data of the model's recipe.
void evaluate(const std::string& model, const std::vector<std::string>& data);
void generate(const std::string& model, const std::string& prompt, const SamplingConfig& sampling);
/// Reads no tensor, only what the files say about them.
void inspect(const std::string& model);

/// Prints what differs between two models: keys of their recipes, if both have one, but for
/// output_dir; keys of config.json; tensors that only one has or that have other forms; and how far
/// the rest is apart. The last line is `equal` if there is nothing of that, else `different`.
void diff(const std::string& model, const std::string& other);

/// max_shard_bytes: unset for one file. dtype: empty to keep every tensor's.
void convert(const std::string& model,
             const std::string& output,
             std::optional<int64_t> max_shard_bytes,
             const std::string& dtype);

}  // namespace hecaton::recipes
