// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/json_lines.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/mapped_file.h"
#include "recipes/data/strict_json.h"

namespace hecaton::recipes {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxLineBytes = size_t{16} << 20;
constexpr int kMaxDepth = 32;

Json parse_line(std::string_view line, const std::string& place) {
  if (line.size() > kMaxLineBytes) {
    throw DataError(place + ": expected a line of at most 16 MiB, found " +
                    std::to_string(line.size()) + " bytes");
  }
  Json value = parse_strict_json(line, place, kMaxDepth, throw_as<DataError>);
  if (!value.is_object()) {
    throw DataError(place + ": expected a JSON object, found " + value.type_name());
  }
  return value;
}

}  // namespace

void read_json_lines(
    const std::string& path,
    const std::function<void(const nlohmann::json& object, const std::string& place)>& visit) {
  const MappedFile file(path, "data", throw_as<DataError>);
  std::string_view rest = file.bytes();
  for (int64_t line_number = 1; !rest.empty(); ++line_number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      file.check_unchanged();
      const std::string place = path + ":" + std::to_string(line_number);
      visit(parse_line(line, place), place);
    }
  }
}

const std::string& json_text(const nlohmann::json& object,
                             const std::string& key,
                             const std::string& place) {
  const auto value = object.find(key);
  if (value == object.end()) {
    throw DataError(place + ": " + key + ": expected text, found no such key");
  }
  if (!value->is_string()) {
    throw DataError(place + ": " + key + ": expected text, found " + value->type_name());
  }
  return value->get_ref<const std::string&>();
}

}  // namespace hecaton::recipes
