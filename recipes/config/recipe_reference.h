// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

namespace hecaton::recipes {

/// The page docs/recipes.md: every key with its values, default and meaning, by section.
std::string recipe_reference();

}  // namespace hecaton::recipes
