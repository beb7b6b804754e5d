// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/recipes/config/json_schema_check.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <regex>
#include <set>
#include <stdexcept>

#include <yaml-cpp/yaml.h>

namespace hecaton::recipes {
namespace {

using nlohmann::json;

bool has_type(const json& value, const std::string& type) {
  if (type == "integer") {
    return value.is_number_integer() ||
           (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
  }
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

bool has_any_type(const json& value, const json& types) {
  if (types.is_string()) {
    return has_type(value, types);
  }
  return std::any_of(
      types.begin(), types.end(), [&](const json& type) { return has_type(value, type); });
}

/// Keywords that look at the value alone.
bool holds(const std::string& keyword, const json& value, const json& limit) {
  const auto compare = [&](auto relation) {
    return !value.is_number() || relation(value.get<double>(), limit.get<double>());
  };
  if (keyword == "type") {
    return has_any_type(value, limit);
  }
  if (keyword == "const") {
    return value == limit;
  }
  if (keyword == "enum") {
    return std::find(limit.begin(), limit.end(), value) != limit.end();
  }
  if (keyword == "minimum") {
    return compare(std::greater_equal<>());
  }
  if (keyword == "maximum") {
    return compare(std::less_equal<>());
  }
  if (keyword == "exclusiveMinimum") {
    return compare(std::greater<>());
  }
  if (keyword == "exclusiveMaximum") {
    return compare(std::less<>());
  }
  if (keyword == "minItems") {
    return !value.is_array() || value.size() >= limit.get<size_t>();
  }
  if (keyword == "maxItems") {
    return !value.is_array() || value.size() <= limit.get<size_t>();
  }
  if (keyword == "minLength") {
    return !value.is_string() || value.get<std::string>().size() >= limit.get<size_t>();
  }
  if (keyword == "pattern") {
    return !value.is_string() ||
           std::regex_search(value.get<std::string>(), std::regex(limit.get<std::string>()));
  }
  if (keyword == "required") {
    return !value.is_object() || std::all_of(limit.begin(), limit.end(), [&](const json& name) {
      return value.contains(name.get<std::string>());
    });
  }
  static const std::set<std::string> kNotes = {
      "$schema", "$defs", "title", "description", "default", "deprecated"};
  if (kNotes.count(keyword) == 0) {
    throw std::runtime_error("the test knows no keyword " + keyword);
  }
  return true;
}

std::string properties_violation(const json& value,
                                 const json& schema,
                                 const json& root,
                                 const std::string& path) {
  const json known = schema.value("properties", json::object());
  for (const auto& member : value.items()) {
    const std::string place = path + "/" + member.key();
    if (known.contains(member.key())) {
      const std::string found = schema_violation(member.value(), known[member.key()], root, place);
      if (!found.empty()) {
        return found;
      }
      continue;
    }
    const json others = schema.value("additionalProperties", json(true));
    if (others == false) {
      return place + ": additionalProperties";
    }
    if (others.is_object()) {
      const std::string found = schema_violation(member.value(), others, root, place);
      if (!found.empty()) {
        return found;
      }
    }
  }
  return "";
}

std::string items_violation(const json& value,
                            const json& items,
                            const json& root,
                            const std::string& path) {
  for (size_t i = 0; i < value.size(); ++i) {
    const std::string found =
        schema_violation(value[i], items, root, path + "/" + std::to_string(i));
    if (!found.empty()) {
      return found;
    }
  }
  return "";
}

/// Keywords that hold other schemas.
std::string nested_violation(const std::string& keyword,
                             const json& value,
                             const json& schema,
                             const json& root,
                             const std::string& path) {
  const json& inner = schema[keyword];
  const auto fits = [&](const json& form) {
    return schema_violation(value, form, root, path).empty();
  };
  if (keyword == "$ref") {
    return schema_violation(
        value, root[json::json_pointer(inner.get<std::string>().substr(1))], root, path);
  }
  if (keyword == "properties" || keyword == "additionalProperties") {
    return value.is_object() ? properties_violation(value, schema, root, path) : "";
  }
  if (keyword == "items") {
    return value.is_array() ? items_violation(value, inner, root, path) : "";
  }
  const bool is_valid = keyword == "anyOf" ? std::any_of(inner.begin(), inner.end(), fits)
                                           : std::all_of(inner.begin(), inner.end(), fits);
  return is_valid ? "" : path + ": " + keyword;
}

json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& member : node) {
      object[member.first.as<std::string>()] = to_json(member.second);
    }
    return object;
  }
  if (node.IsSequence()) {
    json array = json::array();
    for (const auto& entry : node) {
      array.push_back(to_json(entry));
    }
    return array;
  }
  if (node.IsNull()) {
    return nullptr;
  }
  const bool is_plain = node.Tag() == "?";
  // JSON's own numbers and words are those of YAML's core schema that recipes use.
  const json parsed =
      is_plain ? json::parse(node.Scalar(), nullptr, /*allow_exceptions=*/false) : json();
  const bool is_value = is_plain && (parsed.is_number() || parsed.is_boolean());
  return is_value ? parsed : json(node.Scalar());
}

}  // namespace

std::string schema_violation(const json& value,
                             const json& schema,
                             const json& root,
                             const std::string& path) {
  static const std::set<std::string> kNested = {
      "$ref", "properties", "additionalProperties", "items", "anyOf", "allOf"};
  for (const auto& keyword : schema.items()) {
    std::string found;
    if (kNested.count(keyword.key()) > 0) {
      found = nested_violation(keyword.key(), value, schema, root, path);
    } else if (!holds(keyword.key(), value, keyword.value())) {
      found = path + ": " + keyword.key();
    }
    if (!found.empty()) {
      return found;
    }
  }
  return "";
}

json yaml_as_json(const std::string& text) {
  return to_json(YAML::Load(text));
}

}  // namespace hecaton::recipes
