// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/file_io.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "checkpoint/detail/content_hash.h"
#include "core/check.h"
#include "core/error.h"
#include "core/log.h"

namespace hecaton::checkpoint {
namespace {

[[noreturn]] void fail(const std::string& action, const std::string& path, int error_number) {
  throw IoError("cannot " + action + " " + path + ": " +
                std::generic_category().message(error_number));
}

std::string parent_folder(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

void sync(const std::string& path, int open_flags) {
  const int descriptor = ::open(path.c_str(), open_flags | O_CLOEXEC);
  if (descriptor < 0) {
    fail("open", path, errno);
  }
  const int sync_error = ::fsync(descriptor) == 0 ? 0 : errno;
  if (::close(descriptor) != 0 || sync_error != 0) {
    fail("sync", path, sync_error != 0 ? sync_error : errno);
  }
}

}  // namespace

DurableFile::DurableFile(std::string path)
    : path_(std::move(path)),
      temporary_path_(path_ + ".tmp"),
      hash_(std::make_unique<detail::ContentHash>()) {
  descriptor_ = ::open(temporary_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    fail("create", temporary_path_, errno);
  }
}

DurableFile::~DurableFile() {
  if (is_committed_) {
    return;
  }
  // Nothing is lost when closing fails: the content is thrown away.
  if (descriptor_ >= 0 && ::close(descriptor_) != 0) {
    log_warn("cannot close " + temporary_path_);
  }
  if (::unlink(temporary_path_.c_str()) != 0) {
    log_warn("cannot remove " + temporary_path_);
  }
}

void DurableFile::write_at(int64_t offset, const void* data, size_t num_bytes) {
  HECATON_CHECK(descriptor_ >= 0, "a file is written before it is committed");
  is_in_order_ = is_in_order_ && offset == num_bytes_;
  if (is_in_order_) {
    hash_->update(data, num_bytes);
    num_bytes_ += static_cast<int64_t>(num_bytes);
  }
  const auto* rest = static_cast<const char*>(data);
  while (num_bytes > 0) {
    const ssize_t num_written = ::pwrite(descriptor_, rest, num_bytes, offset);
    if (num_written < 0 && errno == EINTR) {
      continue;
    }
    if (num_written < 0) {
      fail("write", temporary_path_, errno);
    }
    rest += num_written;
    offset += num_written;
    num_bytes -= static_cast<size_t>(num_written);
  }
}

void DurableFile::commit() {
  HECATON_CHECK(descriptor_ >= 0, "a file is committed once");
  if (::fsync(descriptor_) != 0) {
    fail("sync", temporary_path_, errno);
  }
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    fail("close", temporary_path_, errno);
  }
  if (std::rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    fail("rename " + temporary_path_ + " to", path_, errno);
  }
  is_committed_ = true;  // the temporary name is gone, even if the next line throws
  sync_folder(parent_folder(path_));
}

FileDigest DurableFile::digest() const {
  HECATON_CHECK(is_in_order_, path_ + ": a hash is taken of a file that was written in order");
  return {num_bytes_, hash_->hex()};
}

void write_file(const std::string& path, std::string_view content) {
  DurableFile file(path);
  file.write_at(0, content.data(), content.size());
  file.commit();
}

void create_folders(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) {
      fail("create folder", path, ENOTDIR);
    }
    return;
  }
  const std::string parent = parent_folder(path);
  if (parent != path) {
    create_folders(parent);
  }
  // EEXIST: another rank was faster, or the path ends in a slash.
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    fail("create folder", path, errno);
  }
  sync_folder(parent);
}

void rename_durably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    fail("rename " + from + " to", to, errno);
  }
  sync_folder(parent_folder(to));
}

bool replace_folder(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    return true;
  }
  // Nothing is there, or the file system knows no exchange. A plain rename tells which: it refuses
  // a folder that is there.
  const bool may_rename = errno == ENOENT || errno == EINVAL || errno == ENOSYS;
  if (!may_rename || std::rename(from.c_str(), to.c_str()) != 0) {
    fail("rename " + from + " to", to, errno);
  }
  return false;
}

void sync_file(const std::string& path) {
  sync(path, O_RDONLY | O_NOFOLLOW);
}

void sync_folder(const std::string& path) {
  sync(path, O_RDONLY | O_DIRECTORY);
}

}  // namespace hecaton::checkpoint
