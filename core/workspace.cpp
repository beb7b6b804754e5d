// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/workspace.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/Allocator.h>

#include "core/huge_pages.h"
#include "core/shapes.h"

namespace hecaton {
namespace {

constexpr size_t kSmallBytes = size_t{1} << 20;

/// Sixteen sizes per power of two, so that sizes which differ a little share their memory.
size_t rounded_up(size_t num_bytes) {
  size_t step = kSmallBytes / 16;
  while (step * 32 <= num_bytes) {
    step *= 2;
  }
  return (num_bytes + step - 1) / step * step;
}

class Pool {
 public:
  void* take(size_t num_bytes) {
    const std::lock_guard lock(mutex_);
    // A block of up to a quarter more will do.
    const auto kept = kept_.lower_bound(num_bytes);
    void* data = nullptr;
    if (kept != kept_.end() && kept->first <= num_bytes + num_bytes / 4) {
      num_bytes = kept->first;
      data = kept->second;
      stats_.kept_bytes -= static_cast<int64_t>(num_bytes);
      kept_.erase(kept);
    } else {
      num_bytes = rounded_up(num_bytes);
      data = allocate(num_bytes);
    }
    used_.emplace(data, num_bytes);
    ++stats_.num_tensors;
    stats_.used_bytes += static_cast<int64_t>(num_bytes);
    most_used_bytes_ = std::max(most_used_bytes_, stats_.used_bytes);
    report(data, static_cast<int64_t>(num_bytes));
    return data;
  }

  void give_back(void* data) {
    const std::lock_guard lock(mutex_);
    const auto used = used_.find(data);
    const size_t num_bytes = used->second;
    used_.erase(used);
    kept_.emplace(num_bytes, data);
    stats_.used_bytes -= static_cast<int64_t>(num_bytes);
    stats_.kept_bytes += static_cast<int64_t>(num_bytes);
    report(data, -static_cast<int64_t>(num_bytes));
  }

  WorkspaceStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  /// To LibTorch's profilers, as its own allocator does.
  void report(void* data, int64_t num_bytes) const {
    c10::reportMemoryUsageToProfiler(data,
                                     num_bytes,
                                     static_cast<size_t>(stats_.used_bytes),
                                     static_cast<size_t>(stats_.used_bytes + stats_.kept_bytes),
                                     c10::Device(c10::kCPU));
  }

  void* allocate(size_t num_bytes) {
    const auto bytes = static_cast<int64_t>(num_bytes);
    const int64_t limit = std::max(most_used_bytes_, stats_.used_bytes + bytes) * 5 / 4;
    while (!kept_.empty() && stats_.used_bytes + stats_.kept_bytes + bytes > limit) {
      const auto largest = std::prev(kept_.end());
      stats_.kept_bytes -= static_cast<int64_t>(largest->first);
      std::free(largest->second);
      kept_.erase(largest);
    }
    void* data = allocate_on_huge_pages(num_bytes);
    ++stats_.num_allocations;
    return data;
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> kept_;
  std::unordered_map<void*, size_t> used_;
  WorkspaceStats stats_;
  int64_t most_used_bytes_ = 0;
};

Pool& pool() {
  static auto* pool = new Pool;  // outlives every tensor
  return *pool;
}

void give_back(void* data) {
  pool().give_back(data);
}

}  // namespace

at::Tensor workspace_empty(at::IntArrayRef sizes, at::ScalarType dtype) {
  const auto options = at::TensorOptions().dtype(dtype);
  const auto num_bytes = static_cast<size_t>(
      checked_mul(num_elements(sizes), static_cast<int64_t>(c10::elementSize(dtype))));
  if (num_bytes < kSmallBytes) {
    return at::empty(sizes, options);
  }
  return at::from_blob(pool().take(num_bytes), sizes, &give_back, options);
}

WorkspaceStats workspace_stats() {
  return pool().stats();
}

}  // namespace hecaton
