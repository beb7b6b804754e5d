// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/manifest.h"

namespace hecaton::checkpoint::detail {

inline constexpr std::string_view kManifestFormat = "hecaton-checkpoint";
inline constexpr int64_t kManifestVersion = 1;

/// Reads the JSON of a manifest and checks every rule but its seal. path: for messages.
/// Errors: CheckpointError.
Manifest read_manifest_json(const std::string& path, std::string_view text);

}  // namespace hecaton::checkpoint::detail
