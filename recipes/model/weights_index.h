// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace hecaton::recipes {

/// Which shard holds each tensor.
using WeightMap = std::map<std::string, std::string>;

/// Reads model.safetensors.index.json, which is at most 100 MB.
/// Errors:  CheckpointError of one line, "PATH: ...": no such file, malformed JSON, a repeated key,
///          another form than {"metadata": {...}, "weight_map": {tensor: shard}}, no tensor, or a
///          shard that is no plain file name ending in ".safetensors".
WeightMap read_weights_index(const std::string& path);

/// The text of an index. total_bytes: of all tensors.
std::string weights_index_json(const WeightMap& weight_map, int64_t total_bytes);

}  // namespace hecaton::recipes
