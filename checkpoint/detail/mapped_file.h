// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hecaton::checkpoint::detail {

/// A model file mapped into memory for reading. Errors: CheckpointError naming the path, from every
/// method.
class MappedFile {
 public:
  explicit MappedFile(std::string path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::string_view bytes() const { return {data_, num_bytes_}; }

  /// Throws if the file no longer has the size it was mapped with: reading a page that was cut off
  /// would kill the process.
  void check_size() const;

 private:
  size_t size_on_disk() const;

  std::string path_;
  int descriptor_ = -1;
  const char* data_ = nullptr;
  size_t num_bytes_ = 0;
};

}  // namespace hecaton::checkpoint::detail
