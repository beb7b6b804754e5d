// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/random.h"

namespace hecaton::fuzz {

/// What a JSON format is made of, as JSON text.
struct JsonWords {
  std::vector<std::string> values;   ///< strings with their quotes
  std::vector<std::string> members;  ///< "key":value, with all that the format asks of them
};

/// JSON text with a change or a few: numbers at the limits, words of the format, members and
/// values that are removed, repeated or moved, values of a wrong kind, broken text.
///
/// json: need not be JSON.
std::string mutate_json(std::string_view json, const JsonWords& words, Random& random);

}  // namespace hecaton::fuzz
