// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <string_view>

namespace hecaton::fuzz {

/// A file in memory under a name on the disk, for readers that take a path. The name is a link that
/// this object makes; whoever owns the folder removes it.
class MemoryFile {
 public:
  /// Errors: std::system_error, from every method.
  explicit MemoryFile(std::string path);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const std::string& path() const { return path_; }

  /// Replaces the content. Nothing may have the file open.
  void write(std::string_view content);

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace hecaton::fuzz
