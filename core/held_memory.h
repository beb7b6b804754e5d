// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

namespace hecaton {

/// Watches the memory of tensors that this thread allocates and frees while it lives.
class HeldMemory {
 public:
  /// Allocated since this object was made and not freed.
  int64_t num_bytes() const { return counter_->num_bytes; }
  /// The largest num_bytes() so far.
  int64_t peak_bytes() const { return counter_->peak_bytes; }
  /// Tensors of 1 MiB or more since this object was made, those in workspaces (core/workspace.h)
  /// too.
  int64_t num_large() const { return counter_->num_large; }

 private:
  struct Counter final : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void* /*ptr*/,
                           int64_t alloc_size,
                           size_t /*total_allocated*/,
                           size_t /*total_reserved*/,
                           c10::Device /*device*/) override {
      num_bytes += alloc_size;  // negative when memory is freed
      peak_bytes = std::max(peak_bytes, num_bytes);
      num_large += alloc_size >= (int64_t{1} << 20) ? 1 : 0;
    }
    bool memoryProfilingEnabled() const override { return true; }

    int64_t num_bytes = 0;
    int64_t peak_bytes = 0;
    int64_t num_large = 0;
  };

  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_{c10::DebugInfoKind::PROFILER_STATE, counter_};
};

}  // namespace hecaton
