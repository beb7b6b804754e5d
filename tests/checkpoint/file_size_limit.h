// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <csignal>
#include <stdexcept>
#include <sys/resource.h>

namespace hecaton::testing {

/// While it lives, this process cannot make a file longer than `num_bytes`: the first write beyond
/// is short and the next one fails. It stands for a full disk, and it binds root as well.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t num_bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    if (::getrlimit(RLIMIT_FSIZE, &old_limit_) != 0) {
      throw std::runtime_error("getrlimit failed");
    }
    const rlimit limit = {.rlim_cur = num_bytes, .rlim_max = old_limit_.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) {
      throw std::runtime_error("setrlimit failed");
    }
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_limit_ = {};
  void (*old_handler_)(int) = SIG_DFL;
};

}  // namespace hecaton::testing
