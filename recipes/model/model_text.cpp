// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/model/model_text.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "recipes/data/text_files.h"

namespace hecaton::recipes {

std::string read_model_text(const std::string& path, int64_t max_bytes) {
  std::error_code error;
  const uintmax_t num_bytes = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    throw CheckpointError("model file not found: " + path);
  }
  if (error) {
    throw CheckpointError(path + ": cannot be read: " + error.message());
  }
  if (num_bytes > static_cast<uintmax_t>(max_bytes)) {
    throw CheckpointError(path + ": expected at most " + std::to_string(max_bytes) +
                          " bytes, found " + std::to_string(num_bytes));
  }
  try {
    return read_text_file(path);
  } catch (const DataError& failure) {
    throw CheckpointError(failure.what());
  }
}

}  // namespace hecaton::recipes
