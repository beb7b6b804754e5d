// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// Replaces `${NAME}` and `${NAME:-default}` in every scalar below `node` by the environment
/// variable. The default also stands in for an empty variable. `$${` stands for the text `${`.
///
/// path:   of `node`, for faults: a variable that is not set and has no default, a `${` without
///         its end, a name that is none.
void expand_environment(YamlNode& node, const std::string& path, FaultList& faults);

/// `text` written so that expand_environment() gives it back.
std::string escape_environment(const std::string& text);

}  // namespace hecaton::recipes
