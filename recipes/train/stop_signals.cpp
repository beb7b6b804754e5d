// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/stop_signals.h"

#include <array>
#include <atomic>
#include <csignal>

namespace hecaton::recipes {
namespace {

constexpr std::array<int, 4> kSignals = {SIGUSR1, SIGUSR2, SIGINT, SIGTERM};

// All that a handler may touch.
std::atomic<int64_t> pending_request{0};
std::atomic<bool> is_interrupted{false};
static_assert(std::atomic<int64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void handle(int signal) {
  if ((signal == SIGINT || signal == SIGTERM) && is_interrupted.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  const auto request =
      static_cast<int64_t>(signal == SIGUSR2 ? StopRequest::kSave : StopRequest::kSaveAndStop);
  int64_t pending = pending_request.load();
  while (pending < request && !pending_request.compare_exchange_weak(pending, request)) {
  }
}

void set_handlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // a write in progress is not the signal's business
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) {
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

StopSignals::StopSignals() {
  pending_request = 0;
  is_interrupted = false;
  set_handlers(handle);
}

StopSignals::~StopSignals() {
  set_handlers(SIG_DFL);
}

StopRequest StopSignals::take() {
  return static_cast<StopRequest>(pending_request.exchange(0));
}

}  // namespace hecaton::recipes
