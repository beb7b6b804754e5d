// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>

namespace hecaton::recipes {

// Numbers as the terminal shows them. The decimal point is a point in every locale, unlike
// printf's.

/// (1.005, 1) -> "1.0".
std::string fixed(double value, int num_decimals);

/// (1234.5, 1) -> "1.2e+03".
std::string scientific(double value, int num_decimals);

/// 1234567 -> "1.23 M".
std::string short_count(int64_t count);

/// 1234567 -> "1,234,567".
std::string with_commas(int64_t count);

/// Bytes in the unit that leaves at most three digits before the point: 1536 -> "1.5 KiB".
std::string size_text(int64_t num_bytes);

/// Seconds in the two largest units that matter: "2d03h", "1h12m", "5m09s", "42s".
std::string duration(double seconds);

}  // namespace hecaton::recipes
