// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace hecaton::recipes {

/// A small JSON Schema validator, independent of what it checks: the keywords that a recipe's
/// schema uses, by their definition in draft 2020-12. Returns the first violation, "PATH: keyword",
/// or "" if `value` is valid. root: the schema that "$ref" starts from.
std::string schema_violation(const nlohmann::json& value,
                             const nlohmann::json& schema,
                             const nlohmann::json& root,
                             const std::string& path = "");

/// A YAML file as JSON, read by the YAML library alone.
nlohmann::json yaml_as_json(const std::string& text);

}  // namespace hecaton::recipes
