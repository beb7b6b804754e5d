// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>

#include "recipes/data/dataset.h"

namespace hecaton::recipes {

/// The loss of the simplest model worth beating: the probability of a token given the one before
/// it, counted in the training data.
///
/// Formula:     p(b | a) = (count(a, b) + s) / (count(a) + s * 257), over the 256 bytes and the
///              document end; the loss is the mean of -log p.
/// Counted:     the pairs that are trained on in one pass over `train`, of at most 2^28 tokens, and
///              in `evaluated` the targets of its first `num_windows` windows (num_windows() for
///              all): the same targets on which a model is evaluated, so that the two losses can be
///              compared.
/// Smoothing:   s = 0.05. A pair that was never seen must not cost infinity, but mass given to such
///              pairs is taken from the others, and a weak baseline would flatter the model. On the
///              sources of this project held-out loss is lowest there, within 0.001 of it from 0.01
///              to 0.1, and 0.016 higher at the usual s = 1.
/// Returns:     nats per target, in float64; nothing if a token is no byte.
/// Errors:      DataError if those windows have no target.
std::optional<double> bigram_loss(const TokenDataset& train,
                                  const TokenDataset& evaluated,
                                  int64_t num_windows);

}  // namespace hecaton::recipes
