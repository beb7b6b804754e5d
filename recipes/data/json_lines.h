// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace hecaton::recipes {

/// Reads a file of one JSON object a line, UTF-8. Blank lines are passed over.
///
/// place:       "PATH:LINE", where a fault of the object is to be reported.
/// Limits:      lines of 16 MiB, nesting of 32.
/// Errors:      DataError naming file and line if the file cannot be read, a line is no JSON
///              object, repeats a key, has a number that no double holds or passes a limit;
///              whatever visit throws.
void read_json_lines(
    const std::string& path,
    const std::function<void(const nlohmann::json& object, const std::string& place)>& visit);

/// The text under a key of an object. Errors: DataError "PLACE: KEY: expected text, found ...".
const std::string& json_text(const nlohmann::json& object,
                             const std::string& key,
                             const std::string& place);

}  // namespace hecaton::recipes
