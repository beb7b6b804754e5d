// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/hostile_text.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace hecaton::checkpoint::detail {

bool is_control(unsigned char character) {
  return character < 0x20 || character == 0x7f;
}

std::string shown(std::string_view text) {
  constexpr size_t kMaxShownBytes = 64;
  std::string result(text.substr(0, kMaxShownBytes));
  std::replace_if(result.begin(), result.end(), is_control, '?');
  return "'" + result + (text.size() > kMaxShownBytes ? "...'" : "'");
}

std::string quoted(const std::string& path, const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw CheckpointError(path + ": name or metadata: expected UTF-8, found other bytes");
  }
}

}  // namespace hecaton::checkpoint::detail
