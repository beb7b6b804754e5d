// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hecaton::checkpoint {

namespace detail {
class ContentHash;
}

/// What a file is known by.
struct FileDigest {
  int64_t num_bytes = 0;
  std::string hash;  ///< XXH3-128, 32 lower-case hexadecimal digits

  bool operator==(const FileDigest&) const = default;
};

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

  /// Of what was written, taken on the way: nothing is read back.
  /// Errors: InternalError unless the file was written from its first byte to its last, in order.
  FileDigest digest() const;

 private:
  std::string path_;
  std::string temporary_path_;
  int descriptor_ = -1;
  bool is_committed_ = false;
  bool is_in_order_ = true;
  int64_t num_bytes_ = 0;
  std::unique_ptr<detail::ContentHash> hash_;
};

/// Writes a whole file through DurableFile. Errors: IoError.
void write_file(const std::string& path, std::string_view content);

/// Creates a folder and its missing parents, and waits until each is on the disk. Does nothing if
/// it exists. Errors: IoError.
void create_folders(const std::string& path);

/// Renames a file or folder within one folder and waits until the new name is on the disk; replaces
/// a file that is there. Errors: IoError.
void rename_durably(const std::string& from, const std::string& to);

/// Gives folder `from` the name `to`, both in one folder. A folder that is there is exchanged for
/// it in one step and is called `from` afterwards. Returns whether there was one. The caller syncs.
/// Errors: IoError; also where the file system cannot exchange names (as over NFS) and there is
/// one.
bool replace_folder(const std::string& from, const std::string& to);

/// Waits until the content of a file is on the disk. Errors: IoError.
void sync_file(const std::string& path);

/// Waits until the names in a folder are on the disk. Errors: IoError.
void sync_folder(const std::string& path);

}  // namespace hecaton::checkpoint
