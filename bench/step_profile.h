// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/record_function.h>

namespace hecaton::bench {

/// Where the time of this thread goes while it lives: by operation of LibTorch, backward node and
/// named range, each without the ones inside it.
class StepProfile {
 public:
  struct Entry {
    double self_ms = 0.0;
    int64_t num_calls = 0;
  };

  StepProfile()
      : handle_(at::addThreadLocalCallback(
            at::RecordFunctionCallback(&StepProfile::begin, &StepProfile::end)
                .scopes({at::RecordScope::FUNCTION,
                         at::RecordScope::BACKWARD_FUNCTION,
                         at::RecordScope::USER_SCOPE}))) {
    open().clear();
    entries().clear();
  }
  ~StepProfile() { at::removeCallback(handle_); }
  StepProfile(const StepProfile&) = delete;
  StepProfile& operator=(const StepProfile&) = delete;

  /// By "outermost range / name"; the outermost range or backward node says which part of the step
  /// it is.
  static std::map<std::string, Entry>& entries() {
    thread_local std::map<std::string, Entry> entries;
    return entries;
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Open {
    std::string name;
    Clock::time_point begin;
    double inner_ms;
  };

  static std::vector<Open>& open() {
    thread_local std::vector<Open> open;
    return open;
  }

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    open().push_back({function.name(), Clock::now(), 0.0});
    return nullptr;
  }

  static void end(const at::RecordFunction& /*function*/, at::ObserverContext* /*context*/) {
    if (open().empty()) {
      return;  // begun before the profile
    }
    const Open closed = open().back();
    open().pop_back();
    const double ms =
        std::chrono::duration<double, std::milli>(Clock::now() - closed.begin).count();
    const std::string& part = open().empty() ? closed.name : open().front().name;
    Entry& entry = entries()[part + " / " + closed.name];
    entry.self_ms += ms - closed.inner_ms;
    ++entry.num_calls;
    if (!open().empty()) {
      open().back().inner_ms += ms;
    }
  }

  at::CallbackHandle handle_;
};

}  // namespace hecaton::bench
