// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <string_view>

#include "tests/fuzz/random.h"

namespace hecaton::fuzz {

/// The YAML of a recipe with a change or a few: keys of the schema added and renamed, values at the
/// limits of some key, lines moved, repeated and indented anew, what YAML has and recipes refuse.
///
/// text: need not be YAML.
std::string mutate_yaml(std::string_view text, Random& random);

}  // namespace hecaton::fuzz
