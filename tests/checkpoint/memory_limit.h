// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <sys/resource.h>
#include <unistd.h>

namespace hecaton::testing {

/// While it lives, this process cannot get more than `num_bytes` of memory beyond what it has:
/// std::bad_alloc. Without effect under the address and thread sanitizers, which take their memory
/// in advance.
class MemoryLimit {
 public:
  explicit MemoryLimit(size_t num_bytes) {
    std::ifstream statm("/proc/self/statm");
    size_t num_pages = 0;
    if (!(statm >> num_pages) || ::getrlimit(RLIMIT_AS, &old_limit_) != 0) {
      throw std::runtime_error("cannot tell the memory of this process");
    }
    const size_t now = num_pages * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const rlimit limit = {.rlim_cur = now + num_bytes, .rlim_max = old_limit_.rlim_max};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    if (::setrlimit(RLIMIT_AS, &limit) != 0) {
      throw std::runtime_error("setrlimit failed");
    }
#endif
  }
  ~MemoryLimit() {
    ::setrlimit(RLIMIT_AS, &old_limit_);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

 private:
  rlimit old_limit_ = {};
};

}  // namespace hecaton::testing
