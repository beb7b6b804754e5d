// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "models/decoder_config.h"

namespace hecaton::models {

/// How much a decoder holds, computed from its config without making any of it. Counts are doubles:
/// the sizes of a config are anybody's, and no product of them leaves their range. A
/// router or experts of the user's own count as the library's of the same sizes.
struct DecoderSize {
  double num_tensors = 0;        ///< in its files, where each matrix of each expert is one
  double dense_parameters = 0;   ///< that every rank holds
  double expert_parameters = 0;  ///< of all routed experts together
};

DecoderSize decoder_size(const DecoderConfig& config);

}  // namespace hecaton::models
