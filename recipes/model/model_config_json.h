// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

#include "models/decoder_config.h"

namespace hecaton::recipes {

/// A decoder's config.json: Hugging Face's key names where there is one, "model_type": "hecaton".
std::string to_json(const models::DecoderConfig& config);

/// Reads what to_json() wrote. path: for messages.
/// Errors: CheckpointError for malformed JSON, nesting of more than 8, a missing, unknown or
/// repeated key, a wrong type, a
///         config that does not validate, or sizes of more than 1e6 tensors or 1e15 parameters; one
///         short line, whatever the file holds.
models::DecoderConfig decoder_config_from_json(const std::string& text, const std::string& path);

}  // namespace hecaton::recipes
