// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/mapped_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

std::string error_text(int error_number) {
  return std::generic_category().message(error_number);
}

/// The descriptor of a regular file, open for reading.
int open_for_reading(const std::string& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) {
    throw CheckpointError("model file not found: " + path);
  }
  if (descriptor < 0) {
    throw CheckpointError(path + ": cannot be opened: " + error_text(errno));
  }
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    throw CheckpointError(path + ": expected a regular file, found " +
                          (S_ISDIR(status.st_mode) ? "a folder" : "something else"));
  }
  return descriptor;
}

}  // namespace

MappedFile::MappedFile(std::string path)
    : path_(std::move(path)), descriptor_(open_for_reading(path_)), num_bytes_(size_on_disk()) {
  if (num_bytes_ == 0) {
    return;  // mmap refuses a length of 0
  }
  void* mapped = ::mmap(nullptr, num_bytes_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (mapped == MAP_FAILED) {
    const int error_number = errno;
    ::close(descriptor_);
    throw CheckpointError(path_ + ": cannot be mapped: " + error_text(error_number));
  }
  data_ = static_cast<const char*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<char*>(data_), num_bytes_);
  }
  ::close(descriptor_);
}

size_t MappedFile::size_on_disk() const {
  struct stat status = {};
  return ::fstat(descriptor_, &status) == 0 ? static_cast<size_t>(status.st_size) : 0;
}

void MappedFile::check_size() const {
  const size_t size_now = size_on_disk();
  if (size_now != num_bytes_) {
    throw CheckpointError(path_ + ": changed while it was read: expected " +
                          std::to_string(num_bytes_) + " bytes, found " + std::to_string(size_now));
  }
}

}  // namespace hecaton::checkpoint::detail
