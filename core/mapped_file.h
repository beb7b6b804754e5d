// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

namespace hecaton {

/// A file mapped into memory for reading: pages are loaded when they are touched.
///
/// Errors: those of `fail`, of one line naming the path, from every method.
class MappedFile {
 public:
  /// Throws the caller's kind of error with this text.
  using Fail = void (*)(const std::string& text);

  /// noun: what the file is to the caller, for "<noun> not found: PATH".
  /// Errors:      if there is no such file, it is no regular file, or it cannot be mapped.
  MappedFile(std::string path, const std::string& noun, Fail fail);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::string_view bytes() const { return {data_, num_bytes_}; }

  /// Throws if the file was shortened, lengthened or written to since it was opened: reading a page
  /// that was cut off would kill the process. A file that took over the name does no harm.
  void check_unchanged() const;

 private:
  void close_descriptor() const;

  std::string path_;
  Fail fail_;
  int descriptor_ = -1;
  const char* data_ = nullptr;
  size_t num_bytes_ = 0;
  std::timespec written_at_ = {};
};

/// A MappedFile::Fail for one kind of error.
template <typename Kind>
[[noreturn]] void throw_as(const std::string& text) {
  throw Kind(text);
}

}  // namespace hecaton
