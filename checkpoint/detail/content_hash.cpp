// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/content_hash.h"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

// Everything inline: nothing to link, for us and for those who link us.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"

namespace hecaton::checkpoint::detail {
namespace {

/// Large enough to read at the disk's pace, small enough for the second-level cache.
constexpr size_t kChunkBytes = size_t{1} << 18;

std::string hex_of(XXH128_hash_t hash) {
  std::array<char, 33> text = {};
  std::snprintf(text.data(), text.size(), "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
  return text.data();
}

/// A descriptor that closes itself; for reading, where a failed close loses nothing.
class ReadDescriptor {
 public:
  explicit ReadDescriptor(const std::string& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~ReadDescriptor() {
    if (value_ >= 0) {
      static_cast<void>(::close(value_));
    }
  }
  ReadDescriptor(const ReadDescriptor&) = delete;
  ReadDescriptor& operator=(const ReadDescriptor&) = delete;
  int value() const { return value_; }

 private:
  int value_;
};

[[noreturn]] void fail(const std::string& path) {
  throw CheckpointError(path + ": cannot be read: " + std::generic_category().message(errno));
}

}  // namespace

struct ContentHash::State {
  XXH3_state_t xxh3;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->xxh3);
}

ContentHash::~ContentHash() = default;

void ContentHash::update(const void* data, size_t num_bytes) {
  XXH3_128bits_update(&state_->xxh3, data, num_bytes);
}

std::string ContentHash::hex() const {
  return hex_of(XXH3_128bits_digest(&state_->xxh3));
}

std::string content_hash(std::string_view bytes) {
  return hex_of(XXH3_128bits(bytes.data(), bytes.size()));
}

FileDigest digest_file(const std::string& path) {
  const ReadDescriptor descriptor(path);
  struct stat status = {};
  if (descriptor.value() < 0 || ::fstat(descriptor.value(), &status) != 0) {
    fail(path);
  }
  if (!S_ISREG(status.st_mode)) {
    throw CheckpointError(path + ": expected a regular file, found something else");
  }
  ContentHash hash;
  FileDigest digest;
  std::vector<char> chunk(kChunkBytes);
  while (true) {
    const ssize_t num_read = ::read(descriptor.value(), chunk.data(), chunk.size());
    if (num_read < 0 && errno == EINTR) {
      continue;
    }
    if (num_read < 0) {
      fail(path);
    }
    if (num_read == 0) {
      break;
    }
    hash.update(chunk.data(), static_cast<size_t>(num_read));
    digest.num_bytes += num_read;
  }
  digest.hash = hash.hex();
  return digest;
}

}  // namespace hecaton::checkpoint::detail
