// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

namespace hecaton::recipes {

/// The JSON Schema (draft 2020-12) of a recipe file, from the registry that reads it: types, words,
/// ranges, defaults, meanings, required keys and other names; unknown keys are refused. It accepts
/// every file that load_recipe() accepts. Rules across keys are not in it.
std::string recipe_json_schema();

}  // namespace hecaton::recipes
