// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/weights_index.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "recipes/config/fault_list.h"
#include "recipes/data/text_files.h"

namespace hecaton::recipes {
namespace {

// The unordered kind: the ordered one copies its values when it grows.
using Json = nlohmann::json;

constexpr uintmax_t kMaxIndexBytes = 100'000'000;  // the limit of a safetensors header
constexpr int kMaxDepth = 2;                       // the object, and the maps in it
constexpr size_t kLongestName = 255;               // of a file, on Linux

[[noreturn]] void refuse(const std::string& path,
                         const std::string& expected,
                         const std::string& found) {
  throw CheckpointError(path + ": expected " + expected + ", found " + one_line(found));
}

std::string read_index_file(const std::string& path) {
  std::error_code error;
  const uintmax_t num_bytes = std::filesystem::file_size(path, error);
  if (error) {
    throw CheckpointError("model file not found: " + path);
  }
  if (num_bytes > kMaxIndexBytes) {
    refuse(path, "at most " + std::to_string(kMaxIndexBytes) + " bytes", std::to_string(num_bytes));
  }
  try {
    return read_text_file(path);
  } catch (const DataError& failure) {
    throw CheckpointError(failure.what());
  }
}

/// Parses strictly: nlohmann alone would keep the last of two equal keys, and nest without end.
Json parse(const std::string& path) {
  std::vector<std::set<std::string>> keys(kMaxDepth + 1);
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    const bool is_start =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (is_start && depth >= kMaxDepth) {
      refuse(path, "an object that holds maps of texts", "a deeper one");
    }
    if (event == Json::parse_event_t::object_start) {
      keys[static_cast<size_t>(depth) + 1].clear();
    }
    if (event == Json::parse_event_t::key &&
        !keys[static_cast<size_t>(depth)].insert(parsed.get<std::string>()).second) {
      refuse(path, "every key once", "'" + parsed.get<std::string>() + "' twice");
    }
    return true;
  };
  try {
    return Json::parse(read_index_file(path), callback);
  } catch (const Json::exception& error) {
    throw CheckpointError(path + ": malformed JSON: " + one_line(error.what()));
  }
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
  const Json json = parse(path);
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
