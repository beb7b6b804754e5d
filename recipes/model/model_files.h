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
/// Errors:   IoError on rank 0; whoever waits for it then gets a CommError.
void save_model(models::DecoderImpl& decoder, parallel::Mesh& mesh, const std::string& folder);

/// Reads <folder>/config.json. Errors: CheckpointError.
models::DecoderConfig load_model_config(const std::string& folder);

/// Fills this rank's parameters from <folder>/model.safetensors, which holds the whole model.
///
/// Errors: CheckpointError naming missing or unexpected tensors, on every rank alike, or the first
///         whose shape or dtype differs.
void load_model(models::DecoderImpl& decoder, const std::string& folder);

}  // namespace hecaton::recipes
