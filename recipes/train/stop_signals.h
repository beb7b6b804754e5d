// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

namespace hecaton::recipes {

/// What a run is asked to do once its step is done; the higher one wins.
enum class StopRequest : int64_t {
  kNone = 0,
  kSave = 1,         ///< save and go on
  kSaveAndStop = 2,  ///< save and end
};

/// Listens to signals while it lives: SIGUSR1 asks to save and stop, SIGUSR2 to save and go on,
/// SIGINT or SIGTERM to save and stop. A second SIGINT or SIGTERM ends the process at once, as if
/// nobody had listened.
///
/// A signal may reach one rank alone: the ranks must agree on what they were asked. One object at a
/// time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The request since the last call, which is then forgotten.
  StopRequest take();
};

}  // namespace hecaton::recipes
