// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/strict_json.h"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "recipes/config/fault_list.h"

namespace hecaton::recipes {
namespace {

using Json = nlohmann::json;

/// The text of what the parser objects to.
std::string fault_text(const Json::exception& error) {
  const auto* parse_error = dynamic_cast<const Json::parse_error*>(&error);
  return parse_error != nullptr ? "fault at byte " + std::to_string(parse_error->byte)
                                : one_line(error.what());  // a number too large for a double
}

}  // namespace

Json parse_strict_json(std::string_view text,
                       const std::string& place,
                       int max_depth,
                       void (*fail)(const std::string& text)) {
  using Event = Json::parse_event_t;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, Event event, const Json& value) {
    if ((event == Event::object_start || event == Event::array_start) && depth >= max_depth) {
      fail(place + ": expected nesting of at most " + std::to_string(max_depth) + ", found more");
    }
    if (event == Event::object_start) {
      keys.emplace_back();
    } else if (event == Event::object_end) {
      keys.pop_back();
    } else if (event == Event::key &&
               !keys.back().insert(value.get_ref<const std::string&>()).second) {
      fail(place + ": expected each key once, found " +
           one_line(value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/true)) + " twice");
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    fail(place + ": malformed JSON: " + fault_text(error));
    throw;  // not reached
  }
}

}  // namespace hecaton::recipes
