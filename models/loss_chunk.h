// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

namespace hecaton::models {

/// Tokens whose logits are held at once in training and evaluation: few enough for those of small
/// vocabularies to stay in a cache, enough to sum a large one's gradient seldom.
constexpr int64_t kTokensPerLossChunk = 512;

}  // namespace hecaton::models
