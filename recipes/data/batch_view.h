// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>

#include "recipes/data/dataset.h"

namespace hecaton::recipes {

/// How a batch is shown to people.
struct BatchViewOptions {
  int64_t max_sequences = 2;   ///< the first ones
  bool uses_terminal = false;  ///< tokens that are not trained on are dimmed, else in ⟦ ⟧
};

/// The first sequences of a batch of byte tokens as text that tells which tokens are trained on.
///
/// Form:        a line of counts per sequence; its documents, the second one on after a line of its
///              own; what only fills up as a count. A line break stays one behind a visible \n;
///              other control bytes are \xNN, the document end is <end>, another id beyond the
///              bytes <ID>. So no byte of the data reaches a terminal as a command.
std::string decoded_batch(const Batch& batch, const BatchViewOptions& options = {});

}  // namespace hecaton::recipes
