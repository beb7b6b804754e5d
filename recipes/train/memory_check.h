// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include "recipes/config/recipe.h"

namespace hecaton::recipes {

/// Refuses sizes that a rank cannot hold, before anything is allocated. It counts what every run
/// needs and no more: values, masters and gradients of the rank's parameters, values alone if some
/// are frozen; the tokens of a step; the activations at one place of a micro-batch; the logits of a
/// chunk of the loss. State of the optimizer and other activations come on top, so a run that
/// passes may still be too large.
///
/// recipe:      its batch fits `dp` (resolve_batch).
/// memory_gib:  that a rank may use.
/// Errors:      ConfigError naming the sizes, what they need and memory_gib.
void check_memory(const Recipe& recipe, double memory_gib);

}  // namespace hecaton::recipes
