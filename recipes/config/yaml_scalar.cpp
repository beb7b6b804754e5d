// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

namespace hecaton::recipes {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes the digits at the front of `text`; returns how many there were.
size_t skip_digits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) {
    ++count;
  }
  text.remove_prefix(count);
  return count;
}

void skip_sign(std::string_view& text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    text.remove_prefix(1);
  }
}

/// [-+]? digits? [. digits?]? [e [-+]? digits]?, with a digit before the exponent and no leading
/// zeros.
bool is_number_form(std::string_view text) {
  skip_sign(text);
  const bool starts_with_zero = !text.empty() && text[0] == '0';
  const size_t num_whole = skip_digits(text);
  size_t num_fraction = 0;
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    num_fraction = skip_digits(text);
  }
  if (num_whole + num_fraction == 0 || (starts_with_zero && num_whole > 1)) {
    return false;
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    skip_sign(text);
    return skip_digits(text) > 0 && text.empty();
  }
  return text.empty();
}

/// All of `text`, which has the form of a number, as a T; std::from_chars knows no plus sign.
template <typename T>
std::optional<T> from_text(std::string_view text) {
  if (text[0] == '+') {
    text.remove_prefix(1);
  }
  T value = 0;
  const char* end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) {
    return std::nullopt;
  }
  return value;
}

template <size_t kSize>
bool is_one_of(std::string_view text, const std::array<std::string_view, kSize>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// Words that some YAML reader takes for something else than text.
bool is_reserved_word(const std::string& text) {
  constexpr std::array<std::string_view, 9> kWords = {
      "true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return is_one_of<kWords.size()>(lower, kWords);
}

bool is_safe_plain(const std::string& text) {
  const auto is_safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '/' || c == '.' || c == '-';
  };
  return !text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), is_safe) &&
         is_plain_text(text) && !is_digit(text[0]) && !is_reserved_word(text);
}

}  // namespace

std::optional<int64_t> parse_integer(std::string_view text) {
  std::string_view digits = text;
  skip_sign(digits);
  if (!is_number_form(text) || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return std::nullopt;
  }
  return from_text<int64_t>(text);
}

std::optional<double> parse_number(std::string_view text) {
  return is_number_form(text) ? from_text<double>(text) : std::nullopt;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true") {
    return true;
  }
  return text == "false" ? std::optional(false) : std::nullopt;
}

bool is_null_word(std::string_view text) {
  return is_one_of<5>(text, {"", "~", "null", "Null", "NULL"});
}

bool is_plain_text(std::string_view text) {
  std::string_view unsigned_text = text;
  skip_sign(unsigned_text);
  const bool is_special = is_one_of<3>(unsigned_text, {".inf", ".Inf", ".INF"}) ||
                          is_one_of<3>(text, {".nan", ".NaN", ".NAN"});
  return !is_null_word(text) && !parse_boolean(text) && !is_number_form(text) && !is_special;
}

std::string print_number(double value) {
  std::array<char, 32> buffer{};
  const std::to_chars_result result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string print_text(const std::string& text) {
  if (is_safe_plain(text)) {
    return text;
  }
  constexpr const char* kHexDigits = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += std::string("\\x") + kHexDigits[byte >> 4] + kHexDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace hecaton::recipes
