// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include "recipes/dataset.h"

namespace hecaton::recipes {

/// The loss of the simplest model worth beating: the probability of a token given the one before
/// it, counted in the training data.
///
/// Formula:     p(b | a) = (count(a, b) + s) / (count(a) + s * 257), over the 256 bytes and the
///              document end; the loss is the mean of -log p.
/// Counted:     the pairs that are trained on in `train`, and in `evaluated` the targets of its
///              first `num_windows` windows (num_windows() for all): the same targets on which a
///              model is evaluated, so that the two losses can be compared.
/// Smoothing:   s = 0.01. A pair that was never seen must not cost infinity, but any mass given to
///              it is taken from the others, which makes the baseline weaker and the comparison
///              kinder than it looks.
/// Returns:     nats per target, in float64.
/// Errors:      DataError if those windows have no target.
double bigram_loss(const TokenDataset& train, const TokenDataset& evaluated, int64_t num_windows);

}  // namespace hecaton::recipes
