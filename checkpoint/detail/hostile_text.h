// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Limits and words that the readers of hostile files share.

namespace hecaton::checkpoint::detail {

inline constexpr size_t kMaxTensors = 1'000'000;
inline constexpr size_t kMaxRank = 16;
inline constexpr size_t kMaxNameBytes = 1'024;

bool is_control(unsigned char character);

/// Text of a file made fit for a one-line message: in quotes, shortened, control characters
/// replaced.
std::string shown(std::string_view text);

/// Text as a JSON string. Errors: CheckpointError that begins with `path`, unless it is UTF-8.
std::string quoted(const std::string& path, const std::string& text);

}  // namespace hecaton::checkpoint::detail
