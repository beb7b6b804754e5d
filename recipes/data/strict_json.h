// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace hecaton::recipes {

/// Parses a JSON text from outside. nlohmann alone would keep the last of two equal keys and nest
/// without end.
///
/// place:       where the text is, for messages: "PATH" or "PATH:LINE".
/// max_depth:   most objects and lists within each other.
/// fail:        throws its text, throw_as<DataError> for example.
/// Errors:      what fail() throws, one line: "PLACE: malformed JSON: fault at byte 9"; "PLACE:
///              expected nesting of at most 32, found more"; "PLACE: expected each key once, found
///              "a" twice".
nlohmann::json parse_strict_json(std::string_view text,
                                 const std::string& place,
                                 int max_depth,
                                 void (*fail)(const std::string& text));

}  // namespace hecaton::recipes
