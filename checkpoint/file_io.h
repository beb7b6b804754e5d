// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hecaton::checkpoint {

/// A file that appears under its name only when it is complete and on the disk. Until commit() it
/// is `path`.tmp in the same folder; without commit() the destructor removes that and whatever
/// stood under `path` before is untouched. One writer per path at a time.
///
/// Errors: IoError naming the path and the cause, from every method.
class DurableFile {
 public:
  /// Creates `path`.tmp, emptied if a killed run left one.
  explicit DurableFile(std::string path);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  /// Writes all of `data` at byte `offset`, in any order of offsets.
  void write_at(int64_t offset, const void* data, size_t num_bytes);

  /// Waits for the disk, gives the file its name and waits for the folder. Call once, last.
  void commit();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string temporary_path_;
  int descriptor_ = -1;
  bool is_committed_ = false;
};

/// Writes a whole file through DurableFile. Errors: IoError.
void write_file(const std::string& path, std::string_view content);

/// Creates a folder and its missing parents, and waits until each is on the disk. Does nothing if
/// it exists. Errors: IoError.
void create_folders(const std::string& path);

/// Renames a file or folder within one folder and waits until the new name is on the disk; replaces
/// a file that is there. Errors: IoError.
void rename_durably(const std::string& from, const std::string& to);

/// Waits until the names in a folder are on the disk. Errors: IoError.
void sync_folder(const std::string& path);

}  // namespace hecaton::checkpoint
