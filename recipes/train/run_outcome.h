// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

namespace hecaton::recipes {

/// How a run ended.
enum class RunOutcome {
  kDone,     ///< at its last step
  kStopped,  ///< earlier, as it was asked to, after a committed save
};

}  // namespace hecaton::recipes
