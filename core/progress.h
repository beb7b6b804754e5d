// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>

namespace hecaton {

/// While it lives, long kernels that this thread runs call `hook` between their tiles, so that
/// communication under way can move on: over TCP nothing moves without a call. Scopes nest; the
/// inner one counts. The hook must not throw and not begin a scope of its own; while it runs it is
/// not called again.
class ProgressScope {
 public:
  explicit ProgressScope(std::function<void()> hook);
  ~ProgressScope();
  ProgressScope(const ProgressScope&) = delete;
  ProgressScope& operator=(const ProgressScope&) = delete;

 private:
  std::function<void()> outer_;
};

/// Calls this thread's hook, if there is one and the last call was half a millisecond ago. Cheap
/// enough for every tile.
void poll_progress();

}  // namespace hecaton
