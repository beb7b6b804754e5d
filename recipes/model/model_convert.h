// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <c10/core/ScalarType.h>

namespace hecaton::recipes {

/// How a model folder is written anew.
struct ConvertOptions {
  /// Most bytes of tensors in one file, at least 1; a larger tensor gets a file of its own. Unset:
  /// everything goes into model.safetensors.
  std::optional<int64_t> max_shard_bytes = {};
  /// dtype of the model: float32, bfloat16 or float64; routers keep at least float32. Unset: every
  /// tensor as it is.
  std::optional<at::ScalarType> dtype = {};
};

struct ConvertResult {
  size_t num_tensors = 0;
  size_t num_files = 0;   ///< that hold weights
  int64_t num_bytes = 0;  ///< of all tensors
};

/// Writes the model of `source` into the new folder `target`: one tensor after the other, so that
/// no more than one is in memory, in the order of their names. Shards are filled in that order. The
/// other files of the folder are copied; config.json follows the dtype. Before the folder gets its
/// name every tensor is read back and compared.
///
/// Errors: ConfigError if `target` exists, or `target`.tmp, in which the folder is made;
///         CheckpointError for a source that is no model, and with a dtype also if it is none that
///         this library makes; IoError if the folder cannot be written or reads back differently.
///         After an error nothing is left behind.
ConvertResult convert_model(const std::string& source,
                            const std::string& target,
                            const ConvertOptions& options);

}  // namespace hecaton::recipes
