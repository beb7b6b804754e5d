// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

namespace hecaton::recipes {
namespace {

std::string number(double value, std::chars_format format, int num_decimals) {
  std::array<char, 512> digits = {};  // the largest double has 309 digits before the point
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, format, num_decimals).ptr;
  return {digits.data(), end};
}

}  // namespace

std::string fixed(double value, int num_decimals) {
  return number(value, std::chars_format::fixed, num_decimals);
}

std::string scientific(double value, int num_decimals) {
  return number(value, std::chars_format::scientific, num_decimals);
}

std::string short_count(int64_t count) {
  const auto number = static_cast<double>(count);
  if (count >= 1'000'000'000) {
    return fixed(number / 1e9, 2) + " B";
  }
  if (count >= 1'000'000) {
    return fixed(number / 1e6, 2) + " M";
  }
  return count >= 1'000 ? fixed(number / 1e3, 1) + " k" : std::to_string(count);
}

std::string with_commas(int64_t count) {
  std::string text = std::to_string(count);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3) {
    text.insert(static_cast<size_t>(place), ",");
  }
  return text;
}

std::string size_text(int64_t num_bytes) {
  double size = static_cast<double>(num_bytes) / 1024.0;
  const char* unit = "KiB";
  for (const char* larger : {"MiB", "GiB", "TiB"}) {
    if (size < 1000.0) {
      break;
    }
    size /= 1024.0;
    unit = larger;
  }
  return fixed(size, 1) + " " + unit;
}

std::string duration(double seconds) {
  const int64_t total = std::llround(seconds);
  const auto pair = [](int64_t high, const char* high_unit, int64_t low, const char* low_unit) {
    return std::to_string(high) + high_unit + (low < 10 ? "0" : "") + std::to_string(low) +
           low_unit;
  };
  if (total >= 86'400) {
    return pair(total / 86'400, "d", total % 86'400 / 3'600, "h");
  }
  if (total >= 3'600) {
    return pair(total / 3'600, "h", total % 3'600 / 60, "m");
  }
  if (total >= 60) {
    return pair(total / 60, "m", total % 60, "s");
  }
  return std::to_string(total) + "s";
}

}  // namespace hecaton::recipes
