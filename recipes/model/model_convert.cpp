// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_convert.h"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "checkpoint/file_io.h"
#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "models/decoder_plan.h"
#include "recipes/model/model_config_json.h"
#include "recipes/model/model_diff.h"
#include "recipes/model/model_files.h"
#include "recipes/model/model_weights.h"
#include "recipes/model/weights_index.h"

namespace hecaton::recipes {
namespace {

namespace fs = std::filesystem;

using Dtypes = std::map<std::string, at::ScalarType>;

std::string without_end_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

/// A folder that is made under another name, and removed unless it gets its own.
class NewFolder {
 public:
  explicit NewFolder(const std::string& path)
      : path_(without_end_slash(path)), temporary_path_(path_ + ".tmp") {
    std::error_code error;
    for (const std::string& taken : {path_, temporary_path_}) {
      if (fs::exists(taken, error)) {
        throw ConfigError(taken + ": expected no such file or folder, found one");
      }
    }
    checkpoint::create_folders(temporary_path_);
  }
  ~NewFolder() {
    std::error_code ignored;
    fs::remove_all(temporary_path_, ignored);  // nothing is there after commit()
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  std::string path_of(const std::string& name) const { return temporary_path_ + "/" + name; }
  const std::string& temporary_path() const { return temporary_path_; }

  void commit() {
    checkpoint::sync_folder(temporary_path_);
    checkpoint::rename_durably(temporary_path_, path_);
  }

 private:
  std::string path_;
  std::string temporary_path_;
};

/// The dtype that each tensor is written in.
Dtypes target_dtypes(const ModelWeights& weights, const models::DecoderConfig* config) {
  Dtypes dtypes;
  if (config != nullptr) {
    check_weights(weights, *config, /*converts_dtype=*/true);
    for (const models::PlannedTensor& tensor : models::plan_decoder(*config)) {
      dtypes[tensor.name] = tensor.dtype;
    }
    return dtypes;
  }
  for (const auto& [name, info] : weights.tensors()) {
    if (!info.scalar_type) {
      throw CheckpointError(weights.path() + ": tensor '" + name +
                            "': expected a dtype that can be loaded, found " + info.dtype);
    }
    dtypes[name] = *info.scalar_type;
  }
  return dtypes;
}

int64_t num_bytes_of(const checkpoint::TensorSpec& spec) {
  int64_t num_bytes = static_cast<int64_t>(c10::elementSize(spec.dtype));
  for (const int64_t size : spec.shape) {
    num_bytes *= size;  // cannot overflow: the source's reader has checked the shape
  }
  return num_bytes;
}

using Shards = std::vector<std::vector<checkpoint::TensorSpec>>;

/// Fills shards in the order of the names.
Shards plan_shards(const ModelWeights& weights,
                   const Dtypes& dtypes,
                   std::optional<int64_t> max_shard_bytes) {
  Shards shards(1);
  int64_t shard_bytes = 0;
  for (const auto& [name, info] : weights.tensors()) {
    checkpoint::TensorSpec spec = {name, dtypes.at(name), info.shape};
    const int64_t num_bytes = num_bytes_of(spec);
    const bool is_full = max_shard_bytes && shard_bytes + num_bytes > *max_shard_bytes;
    if (is_full && !shards.back().empty()) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shards.back().push_back(std::move(spec));
    shard_bytes += num_bytes;
  }
  return shards;
}

/// Everything but the weights: tokenizer files, configuration, licences.
void copy_other_files(const std::string& source,
                      const NewFolder& target,
                      const models::DecoderConfig* config) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(source, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_weights = entry.path().extension() == ".safetensors" || name == kWeightsIndexName;
    const bool is_rewritten = config != nullptr && name == "config.json";
    std::error_code ignored;  // what cannot be looked at, such as a link to nothing, is no file
    if (!is_weights && !is_rewritten && fs::is_regular_file(entry.path(), ignored) &&
        !fs::copy_file(entry.path(), target.path_of(name), error)) {
      break;
    }
  }
  if (error) {
    throw IoError("cannot copy the files of " + source + " to " + target.temporary_path() + ": " +
                  error.message());
  }
  if (config != nullptr) {
    checkpoint::write_file(target.path_of("config.json"), to_json(*config));
  }
}

void write_shards(const ModelWeights& weights, const Shards& shards, const NewFolder& target) {
  WeightMap weight_map;
  int64_t total_bytes = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1 ? kWeightsName : shard_name(i, shards.size());
    checkpoint::SafetensorsWriter writer(target.path_of(name), shards[i]);
    for (const checkpoint::TensorSpec& spec : shards[i]) {
      writer.write(spec.name, weights.load(spec.name).to(spec.dtype));
      weight_map[spec.name] = name;
      total_bytes += num_bytes_of(spec);
    }
    writer.commit();
  }
  if (shards.size() > 1) {
    checkpoint::write_file(target.path_of(kWeightsIndexName),
                           weights_index_json(weight_map, total_bytes));
  }
}

void verify(const ModelWeights& source, const NewFolder& target, const Dtypes& dtypes) {
  const ModelWeights written(target.temporary_path());
  check_tensor_names(written.path(), written.names(), source.names());
  for (const auto& [name, dtype] : dtypes) {
    if (!same_bits(written.load(name), source.load(name).to(dtype))) {
      throw IoError(written.path() + ": tensor '" + name +
                    "': expected the bytes that were written, found others");
    }
  }
}

}  // namespace

ConvertResult convert_model(const std::string& source,
                            const std::string& target,
                            const ConvertOptions& options) {
  const ModelWeights weights(source);
  std::optional<models::DecoderConfig> config;
  if (options.dtype) {
    config = load_model_config(source);
    config->dtype = *options.dtype;
  }
  const models::DecoderConfig* changed_config = config ? &*config : nullptr;
  const Dtypes dtypes = target_dtypes(weights, changed_config);
  const Shards shards = plan_shards(weights, dtypes, options.max_shard_bytes);
  NewFolder folder(target);
  copy_other_files(source, folder, changed_config);
  write_shards(weights, shards, folder);
  verify(weights, folder, dtypes);
  folder.commit();
  ConvertResult result = {weights.tensors().size(), shards.size(), 0};
  for (const auto& shard : shards) {
    for (const checkpoint::TensorSpec& spec : shard) {
      result.num_bytes += num_bytes_of(spec);
    }
  }
  return result;
}

}  // namespace hecaton::recipes
