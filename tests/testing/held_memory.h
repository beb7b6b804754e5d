// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

namespace hecaton::testing {

/// Counts the bytes of tensors that this thread allocated since this object was made and has not
/// freed.
class HeldMemory {
 public:
  int64_t num_bytes() const { return counter_->num_bytes; }

 private:
  struct Counter final : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void* /*ptr*/,
                           int64_t alloc_size,
                           size_t /*total_allocated*/,
                           size_t /*total_reserved*/,
                           c10::Device /*device*/) override {
      num_bytes += alloc_size;  // negative when memory is freed
    }
    bool memoryProfilingEnabled() const override { return true; }

    int64_t num_bytes = 0;
  };

  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_{c10::DebugInfoKind::PROFILER_STATE, counter_};
};

}  // namespace hecaton::testing
