// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"

namespace hecaton::checkpoint::detail {

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON header of a file whose data part has `num_data_bytes` bytes and checks every rule
/// about it. path: for messages. Errors: CheckpointError.
SafetensorsHeader parse_header(const std::string& path,
                               std::string_view text,
                               int64_t num_data_bytes);

/// The JSON header of a file that holds `specs`, padded with blanks to a multiple of 8, and the
/// size of the data part. Checks only what it needs: parse_header() tells whether the file is
/// legal. Errors: CheckpointError for a dtype without a name, sizes that overflow, a name that is
/// not UTF-8.
struct HeaderText {
  std::string text;
  int64_t num_data_bytes = 0;
};
HeaderText format_header(const std::string& path,
                         std::vector<TensorSpec> specs,
                         const std::map<std::string, std::string>& metadata);

}  // namespace hecaton::checkpoint::detail
