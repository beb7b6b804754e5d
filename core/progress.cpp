// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/progress.h"

#include <chrono>
#include <utility>

#include "core/check.h"

namespace hecaton {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kInterval = std::chrono::microseconds(500);

struct Hook {
  std::function<void()> call;
  Clock::time_point last_call;
  bool is_running = false;
};

Hook& hook() {
  thread_local Hook hook;
  return hook;
}

}  // namespace

ProgressScope::ProgressScope(std::function<void()> hook) {
  Hook& own = hecaton::hook();
  HECATON_CHECK(!own.is_running, "a hook must not begin a scope");
  outer_ = std::exchange(own.call, std::move(hook));
}

ProgressScope::~ProgressScope() {
  hook().call = std::move(outer_);
}

void poll_progress() {
  Hook& own = hook();
  if (!own.call) {
    return;
  }
  const Clock::time_point now = Clock::now();
  if (now - own.last_call >= kInterval && !own.is_running) {
    own.is_running = true;
    own.call();
    own.is_running = false;
    own.last_call = Clock::now();
  }
}

}  // namespace hecaton
