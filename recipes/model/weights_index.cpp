// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/weights_index.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/mapped_file.h"
#include "recipes/config/fault_list.h"
#include "recipes/data/strict_json.h"
#include "recipes/model/model_text.h"

namespace hecaton::recipes {
namespace {

// The unordered kind: the ordered one copies its values when it grows.
using Json = nlohmann::json;

constexpr int64_t kMaxIndexBytes = 100'000'000;  // the limit of a safetensors header
constexpr int kMaxDepth = 2;                     // the object, and the maps in it
constexpr size_t kLongestName = 255;             // of a file, on Linux

[[noreturn]] void refuse(const std::string& path,
                         const std::string& expected,
                         const std::string& found) {
  throw CheckpointError(path + ": expected " + expected + ", found " + one_line(found));
}

/// A name that leads to no other folder.
bool is_shard_name(const std::string& name) {
  const std::string ending = ".safetensors";
  const auto is_safe = [](unsigned char c) {
    return c > 0x20 && c != 0x7f && c != '/' && c != '\\';
  };
  return name.size() > ending.size() && name.size() <= kLongestName && name.front() != '.' &&
         name.compare(name.size() - ending.size(), ending.size(), ending) == 0 &&
         std::all_of(name.begin(), name.end(), is_safe);
}

}  // namespace

WeightMap read_weights_index(const std::string& path) {
  const Json json = parse_strict_json(
      read_model_text(path, kMaxIndexBytes), path, kMaxDepth, throw_as<CheckpointError>);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    refuse(path, "an object with a map weight_map", json.is_object() ? "none" : json.type_name());
  }
  for (const auto& item : json.items()) {
    if (item.key() != "weight_map" && item.key() != "metadata") {
      refuse(path, "the keys metadata and weight_map", "'" + item.key() + "'");
    }
  }
  WeightMap weight_map;
  for (const auto& item : json["weight_map"].items()) {
    const Json& shard = item.value();
    if (!shard.is_string() || !is_shard_name(shard.get<std::string>())) {
      refuse(path,
             "the file name of a shard for tensor '" + one_line(item.key()) + "'",
             shard.is_string() ? "'" + shard.get<std::string>() + "'" : shard.type_name());
    }
    weight_map[item.key()] = shard.get<std::string>();
  }
  if (weight_map.empty()) {
    refuse(path, "at least one tensor in weight_map", "none");
  }
  return weight_map;
}

std::string weights_index_json(const WeightMap& weight_map, int64_t total_bytes) {
  Json json;
  json["metadata"]["total_size"] = total_bytes;
  json["weight_map"] = weight_map;
  return json.dump(2) + "\n";
}

}  // namespace hecaton::recipes
