// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/mapped_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace hecaton {
namespace {

std::string error_text(int error_number) {
  return std::generic_category().message(error_number);
}

/// Size and time of the last change.
struct stat status_of(int descriptor) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) {
    status.st_size = 0;
  }
  return status;
}

}  // namespace

MappedFile::MappedFile(std::string path, const std::string& noun, Fail fail)
    : path_(std::move(path)), fail_(fail) {
  // Without O_NONBLOCK, opening a named pipe would wait for a writer.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    fail_(errno == ENOENT ? noun + " not found: " + path_
                          : path_ + ": cannot be opened: " + error_text(errno));
  }
  const struct stat status = status_of(descriptor_);
  num_bytes_ = static_cast<size_t>(status.st_size);
  written_at_ = status.st_mtim;
  std::string fault;
  if (!S_ISREG(status.st_mode)) {
    fault = std::string(": expected a regular file, found ") +
            (S_ISDIR(status.st_mode) ? "a folder" : "something else");
  } else if (num_bytes_ > 0) {  // mmap refuses a length of 0
    void* mapped = ::mmap(nullptr, num_bytes_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
    if (mapped == MAP_FAILED) {
      fault = ": cannot be mapped: " + error_text(errno);
    } else {
      data_ = static_cast<const char*>(mapped);
    }
  }
  if (!fault.empty()) {
    close_descriptor();
    fail_(path_ + fault);
  }
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    static_cast<void>(::munmap(const_cast<char*>(data_), num_bytes_));
  }
  close_descriptor();
}

void MappedFile::close_descriptor() const {
  static_cast<void>(::close(descriptor_));  // it was only read from: nothing can be lost
}

void MappedFile::check_unchanged() const {
  const struct stat now = status_of(descriptor_);
  if (static_cast<size_t>(now.st_size) != num_bytes_) {
    fail_(path_ + ": changed while it was read: expected " + std::to_string(num_bytes_) +
          " bytes, found " + std::to_string(now.st_size));
  }
  if (now.st_mtim.tv_sec != written_at_.tv_sec || now.st_mtim.tv_nsec != written_at_.tv_nsec) {
    fail_(path_ + ": changed while it was read: it was written to since it was opened");
  }
}

}  // namespace hecaton
