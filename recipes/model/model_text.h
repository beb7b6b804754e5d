// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

namespace hecaton::recipes {

/// A small text that belongs to a model: config.json, `latest`.
/// Errors: CheckpointError "model file not found: PATH", "PATH: cannot be read: CAUSE", or that it
///         has more than 1 MiB.
std::string read_model_text(const std::string& path);

}  // namespace hecaton::recipes
