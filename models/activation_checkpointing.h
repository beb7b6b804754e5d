// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

// Apart from decoder_config.h, which costs ten seconds to compile: recipes need the names alone.

namespace hecaton::models {

/// What a block forgets between forward and backward, and then computes again.
enum class ActivationCheckpointing {
  kNone,  ///< nothing
  kFull,  ///< all but its input and its routing decision
  kMoe,   ///< what its MoE layer does; attention is kept
};

}  // namespace hecaton::models
