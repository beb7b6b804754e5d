// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_weights.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "models/decoder_plan.h"
#include "recipes/config/fault_list.h"
#include "recipes/model/weights_index.h"

namespace hecaton::recipes {
namespace {

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

/// The names of `a` that are not in `b`.
std::set<std::string> difference(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::set<std::string> names;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(names, names.end()));
  return names;
}

std::string join(const std::set<std::string>& names) {
  constexpr size_t kMostShown = 5;
  std::string text;
  size_t num_shown = 0;
  for (const std::string& name : names) {
    if (num_shown++ == kMostShown) {
      return text + " and " + std::to_string(names.size() - kMostShown) + " more";
    }
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

using NamesOfShards = std::map<std::string, std::set<std::string>>;

/// A shard that the index does not name is left of another model, or the index is.
void refuse_stray_shards(const std::string& folder, const NamesOfShards& named) {
  std::error_code ignored;  // a folder that cannot be listed has no shard to open either
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool is_shard =
        name.rfind("model-", 0) == 0 && entry.path().extension() == ".safetensors";
    if (is_shard && named.count(name) == 0) {
      throw CheckpointError(folder + "/" + kWeightsIndexName + ": expected every shard in it, " +
                            "found " + one_line(name) + " beside it");
    }
  }
}

}  // namespace

std::string shard_name(size_t shard_idx, size_t num_shards) {
  char name[64];
  std::snprintf(name, sizeof(name), "model-%05zu-of-%05zu.safetensors", shard_idx + 1, num_shards);
  return name;
}

ModelWeights::ModelWeights(const std::string& folder) : path_(folder + "/" + kWeightsName) {
  const std::string index_path = folder + "/" + kWeightsIndexName;
  if (!exists(index_path)) {
    files_.emplace_back(path_);
    add_tensors();
    return;
  }
  if (exists(path_)) {
    throw CheckpointError(folder + ": expected " + kWeightsName + " or " + kWeightsIndexName +
                          ", found both: remove the one that is out of date");
  }
  path_ = index_path;
  open_shards(folder);
}

void ModelWeights::open_shards(const std::string& folder) {
  const WeightMap weight_map = read_weights_index(path_);
  NamesOfShards names_of;
  for (const auto& [name, shard] : weight_map) {
    names_of[shard].insert(name);
  }
  refuse_stray_shards(folder, names_of);
  files_.reserve(names_of.size());
  for (const auto& [shard, expected] : names_of) {
    std::string path = folder;
    path += '/';
    path += shard;
    const checkpoint::SafetensorsFile& file = files_.emplace_back(std::move(path));
    std::set<std::string> found;
    for (const auto& [name, info] : file.tensors()) {
      found.insert(name);
    }
    check_tensor_names(file.path(), found, expected);
    add_tensors();
  }
}

void ModelWeights::add_tensors() {
  for (const auto& [name, info] : files_.back().tensors()) {
    tensors_.emplace(name, info);
    file_idx_of_.emplace(name, files_.size() - 1);
  }
}

std::set<std::string> ModelWeights::names() const {
  std::set<std::string> names;
  for (const auto& [name, info] : tensors_) {
    names.insert(name);
  }
  return names;
}

const checkpoint::SafetensorsFile& ModelWeights::file_with(const std::string& name) const {
  const auto place = file_idx_of_.find(name);
  // A file that lacks the tensor says so best.
  return files_.at(place == file_idx_of_.end() ? 0 : place->second);
}

at::Tensor ModelWeights::load(const std::string& name) const {
  return file_with(name).load(name);
}

void ModelWeights::load_into(const std::string& name, const at::Tensor& destination) const {
  file_with(name).load_into(name, destination);
}

void check_tensor_names(const std::string& path,
                        const std::set<std::string>& found,
                        const std::set<std::string>& expected) {
  if (const auto missing = difference(expected, found); !missing.empty()) {
    throw CheckpointError(path + ": missing tensors: " + join(missing));
  }
  if (const auto unexpected = difference(found, expected); !unexpected.empty()) {
    throw CheckpointError(path + ": unexpected tensors: " + join(unexpected));
  }
}

void check_weights(const ModelWeights& weights,
                   const models::DecoderConfig& config,
                   bool converts_dtype) {
  const std::vector<models::PlannedTensor> planned = models::plan_decoder(config);
  std::set<std::string> expected;
  for (const models::PlannedTensor& tensor : planned) {
    expected.insert(tensor.name);
  }
  check_tensor_names(weights.path(), weights.names(), expected);
  for (const models::PlannedTensor& tensor : planned) {
    const checkpoint::TensorInfo& found = weights.tensors().at(tensor.name);
    std::ostringstream text;
    text << weights.path() << ": tensor '" << tensor.name << "': expected ";
    if (found.shape != tensor.shape) {
      text << "shape " << at::IntArrayRef(tensor.shape) << ", as its config says, found "
           << at::IntArrayRef(found.shape);
    } else if (!found.scalar_type) {
      text << "a dtype that can be loaded, found " << found.dtype;
    } else if (!converts_dtype && *found.scalar_type != tensor.dtype) {
      text << "dtype " << tensor.dtype << ", as its config says, found " << found.dtype;
    } else {
      continue;
    }
    throw CheckpointError(text.str());
  }
}

}  // namespace hecaton::recipes
