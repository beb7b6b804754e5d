// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "models/decoder.h"
#include "parallel/mesh.h"

namespace hecaton::recipes {

/// Writes <folder>/config.json and <folder>/model.safetensors: every parameter under its global
/// name, experts one by one, whatever layout held them.
///
/// Parallel: every rank must call it; the ranks of the first ep group send their experts to rank 0,
///           one stored tensor at a time.
/// Errors:   IoError on rank 0, PeerFailure on the others, at the same time.
void save_model(models::DecoderImpl& decoder, parallel::Mesh& mesh, const std::string& folder);

/// Reads <folder>/config.json. Errors: CheckpointError.
models::DecoderConfig load_model_config(const std::string& folder);

/// Refuses weights in `folder` that hold less than half of what `config` describes, before a
/// decoder of that size is made only to find out. load_model() compares name by name. Errors:
/// CheckpointError with both numbers, or one of the file itself.
void check_weights(const models::DecoderConfig& config, const std::string& folder);

/// Fills this rank's parameters from <folder>/model.safetensors, or from the shards of its index,
/// which hold the whole model.
///
/// Errors: CheckpointError naming missing or unexpected tensors, on every rank alike, or the first
///         whose shape or dtype differs.
void load_model(models::DecoderImpl& decoder, const std::string& folder);

}  // namespace hecaton::recipes
