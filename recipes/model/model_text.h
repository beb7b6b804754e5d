// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>

namespace hecaton::recipes {

/// A text that belongs to a model: config.json, `latest`, an index of shards.
/// max_bytes: enough for all but an index.
/// Errors:    CheckpointError "model file not found: PATH", "PATH: cannot be read: CAUSE", or that
///            it has more than max_bytes; those are not read.
std::string read_model_text(const std::string& path, int64_t max_bytes = int64_t{1} << 20);

}  // namespace hecaton::recipes
