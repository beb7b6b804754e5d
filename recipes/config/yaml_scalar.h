// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hecaton::recipes {

// What a plain (unquoted) scalar means: the core schema of YAML 1.2, narrowed so that nothing reads
// differently here and in another reader: integers are decimal without leading zeros (no 010, 0x10,
// 1_000), booleans are `true` and `false` alone, numbers are finite.

/// Nothing if `text` is no integer or does not fit into 64 bits.
std::optional<int64_t> parse_integer(std::string_view text);
/// Integers count as numbers. Nothing if `text` is no number or not finite.
std::optional<double> parse_number(std::string_view text);
std::optional<bool> parse_boolean(std::string_view text);
bool is_null_word(std::string_view text);
/// Whether the plain scalar is text: neither null, boolean nor a number.
bool is_plain_text(std::string_view text);

/// The shortest text that reads back as the same number.
std::string print_number(double value);
/// `text` as one YAML scalar: plain if every reader takes it as text, else in double quotes.
std::string print_text(const std::string& text);

}  // namespace hecaton::recipes
