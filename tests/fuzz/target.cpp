// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstddef>

namespace hecaton::fuzz {

void check_message(std::string_view message, std::string_view where, bool has_one_line) {
  constexpr size_t kMaxLineBytes = 2000;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  require(!has_one_line || message.find('\n') == std::string_view::npos, "one line a message");
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    require(line.starts_with(where), "a message names the file: " + std::string(line));
    require(line.size() <= kMaxLineBytes, "a message is short: " + std::string(line));
    require(std::none_of(line.begin(), line.end(), is_control),
            "a message has no control characters: " + std::string(line));
    message.remove_prefix(std::min(message.size(), line.size() + 1));
  }
}

}  // namespace hecaton::fuzz
