// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "models/decoder_config.h"
#include "parallel/mesh.h"

namespace hecaton::models {
class DecoderImpl;  // not included: module headers cost ten seconds to compile
}  // namespace hecaton::models

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

/// Fills this rank's parameters from <folder>/model.safetensors, or from the shards of its index,
/// which hold the whole model.
///
/// converts_dtype: values are rounded to the decoder's dtype; otherwise another one is an error.
/// Errors: CheckpointError naming missing or unexpected tensors, or the first whose shape or dtype
///         differs, on every rank alike.
void load_model(models::DecoderImpl& decoder,
                const std::string& folder,
                bool converts_dtype = false);

}  // namespace hecaton::recipes
