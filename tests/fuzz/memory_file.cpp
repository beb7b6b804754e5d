// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/fuzz/memory_file.h"

#include <cerrno>
#include <filesystem>
#include <sys/mman.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace hecaton::fuzz {

MemoryFile::MemoryFile(std::string path)
    : path_(std::move(path)), descriptor_(::memfd_create("hecaton", MFD_CLOEXEC)) {
  if (descriptor_ < 0) {
    throw std::system_error(errno, std::generic_category(), "memfd_create");
  }
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(descriptor_), path_);
}

MemoryFile::~MemoryFile() {
  static_cast<void>(::close(descriptor_));
}

void MemoryFile::write(std::string_view content) {
  const auto num_bytes = static_cast<ssize_t>(content.size());
  if (::ftruncate(descriptor_, 0) != 0 ||
      ::pwrite(descriptor_, content.data(), content.size(), 0) != num_bytes) {
    throw std::system_error(errno, std::generic_category(), path_);
  }
}

}  // namespace hecaton::fuzz
