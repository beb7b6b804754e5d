// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/checkpoint/disk_faults.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

/// A name that a folder has got since its fsync.
struct NewName {
  ino_t inode = 0;  ///< of the folder
  int folder = -1;  ///< its descriptor: it may get another name itself
  std::string name;
  std::string before;  ///< the name until then; of a new file a path out of the way
  unsigned flags = 0;  ///< of renameat2
};

struct State {
  std::mutex mutex;
  std::string folder;
  int call = 0;
  int fault = 0;
  int num_calls = 0;
  std::map<ino_t, int> unsynced;  ///< a descriptor of each file that was written since its fsync
  std::vector<NewName> names;
  int num_names = 0;  ///< so far
};

int fault_of(const char* name) {
  const std::map<std::string, int> faults = {
      {"kill", kPowerCut}, {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EROFS", EROFS}};
  return faults.at(name);
}

State& state() {
  // Never destroyed: libraries close files after the last destructor.
  static State& instance = *[] {
    auto* made = new State;
    const char* folder = std::getenv("HECATON_DISK_FAULT_FOLDER");
    if (folder != nullptr) {
      made->folder = folder;
      made->call = std::atoi(std::getenv("HECATON_DISK_FAULT_CALL"));
      made->fault = fault_of(std::getenv("HECATON_DISK_FAULT"));
    }
    return made;
  }();
  return instance;
}

[[noreturn]] void cut_power() {
  for (const auto& [inode, descriptor] : state().unsynced) {
    static_cast<void>(::ftruncate(descriptor, 0));
  }
  if (state().fault == kPowerCut) {
    for (auto it = state().names.rbegin(); it != state().names.rend(); ++it) {
      ::syscall(
          SYS_renameat2, it->folder, it->name.c_str(), it->folder, it->before.c_str(), it->flags);
    }
  }
  ::kill(::getpid(), SIGKILL);
  std::abort();  // not reached
}

/// Counts a call on `path`. Returns whether it must fail, with errno set.
bool must_fail(const std::string& path) {
  State& now = state();
  const std::lock_guard lock(now.mutex);
  if (now.folder.empty() || path.compare(0, now.folder.size(), now.folder) != 0) {
    return false;
  }
  if (++now.num_calls != now.call) {
    return false;
  }
  if (now.fault < 0) {
    cut_power();
  }
  errno = now.fault;
  return true;
}

std::string path_of(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  std::array<char, 4096> path = {};
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  return length < 0 ? "" : std::string(path.data(), static_cast<size_t>(length));
}

std::string path_of(int folder, const char* path) {
  return path[0] == '/' || folder == AT_FDCWD ? path : path_of(folder) + "/" + path;
}

bool is_watched(int descriptor) {
  const std::string& folder = state().folder;
  return !folder.empty() && path_of(descriptor).compare(0, folder.size(), folder) == 0;
}

bool exists(int folder, const char* path) {
  struct stat status = {};
  return ::fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/// from: the path before; empty: it was not there.
void add_name(const std::string& path, const std::string& from, unsigned flags) {
  State& now = state();
  const std::lock_guard lock(now.mutex);
  if (now.call == 0 || now.folder.empty() || path.compare(0, now.folder.size(), now.folder) != 0) {
    return;
  }
  const std::filesystem::path to = path;
  const std::filesystem::path old = from;
  NewName made = {.name = to.filename(), .before = from, .flags = flags};
  if (from.empty()) {
    made.before =
        now.folder + ".lost-" + std::to_string(::getpid()) + "-" + std::to_string(++now.num_names);
  } else if (old.parent_path() == to.parent_path()) {
    made.before = old.filename();
  }
  made.folder = static_cast<int>(
      ::syscall(SYS_openat, AT_FDCWD, to.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status = {};
  ::fstat(made.folder, &status);
  made.inode = status.st_ino;
  now.names.push_back(std::move(made));
}

void set_synced(int descriptor, bool is_synced) {
  struct stat status = {};
  if (!is_watched(descriptor) || ::fstat(descriptor, &status) != 0) {
    return;
  }
  State& now = state();
  const std::lock_guard lock(now.mutex);
  if (is_synced) {
    std::erase_if(now.names, [&](const NewName& made) {
      return made.inode == status.st_ino && ::syscall(SYS_close, made.folder) == 0;
    });
  }
  const auto found = now.unsynced.find(status.st_ino);
  if (is_synced && found != now.unsynced.end()) {
    ::syscall(SYS_close, found->second);
    now.unsynced.erase(found);
  } else if (!is_synced && found == now.unsynced.end()) {
    now.unsynced.emplace(status.st_ino, ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  }
}

int sync_unless_watched(int descriptor, long number) {
  if (must_fail(path_of(descriptor))) {
    return -1;
  }
  if (!is_watched(descriptor)) {
    return static_cast<int>(::syscall(number, descriptor));
  }
  set_synced(descriptor, true);
  return 0;
}

}  // namespace

extern "C" {

void disk_faults_arm(const char* folder, int call, int fault) {
  State& now = state();
  const std::lock_guard lock(now.mutex);
  now.folder = folder;
  now.call = call;
  now.fault = fault;
  now.num_calls = 0;
}

void disk_faults_cut_power() {
  const std::lock_guard lock(state().mutex);
  cut_power();
}

int disk_faults_num_calls() {
  State& now = state();
  const std::lock_guard lock(now.mutex);
  return now.num_calls;
}

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library has names of its own
int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    if (must_fail(path)) {
      return -1;
    }
  }
  const bool is_new = (flags & O_CREAT) != 0 && !exists(AT_FDCWD, path);
  const auto descriptor = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  if (is_new && descriptor >= 0) {
    add_name(path, "", 0);
  }
  return descriptor;
}

int close(int descriptor) {
  const bool fails = must_fail(path_of(descriptor));
  const int error_number = errno;
  const auto result = static_cast<int>(::syscall(SYS_close, descriptor));
  if (fails) {
    errno = error_number;  // the descriptor is gone all the same, as on Linux
    return -1;
  }
  return result;
}

ssize_t write(int descriptor, const void* data, size_t size) {
  if (must_fail(path_of(descriptor))) {
    return -1;
  }
  set_synced(descriptor, false);
  return ::syscall(SYS_write, descriptor, data, size);
}

ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  if (must_fail(path_of(descriptor))) {
    return -1;
  }
  set_synced(descriptor, false);
  return ::syscall(SYS_pwrite64, descriptor, data, size, offset);
}

int fsync(int descriptor) {
  return sync_unless_watched(descriptor, SYS_fsync);
}

int fdatasync(int descriptor) {
  return sync_unless_watched(descriptor, SYS_fdatasync);
}

int renameat2(
    int old_folder, const char* from, int new_folder, const char* to, unsigned flags) noexcept {
  if (must_fail(path_of(new_folder, to))) {
    return -1;
  }
  // What a rename replaces could not come back: such a one is not undone.
  const bool is_undone = flags == RENAME_EXCHANGE || !exists(new_folder, to);
  const auto result =
      static_cast<int>(::syscall(SYS_renameat2, old_folder, from, new_folder, to, flags));
  if (is_undone && result == 0) {
    add_name(path_of(new_folder, to), path_of(old_folder, from), flags);
  }
  return result;
}

int rename(const char* from, const char* to) noexcept {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  return must_fail(path_of(folder, path))
             ? -1
             : static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

int unlink(const char* path) noexcept {
  return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char* path) noexcept {
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (must_fail(path)) {
    return -1;
  }
  const auto result = static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
  if (result == 0) {
    add_name(path, "", 0);
  }
  return result;
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

}  // extern "C"
