// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "checkpoint/file_io.h"

namespace hecaton::checkpoint::detail {

inline constexpr size_t kHashDigits = 32;

/// XXH3-128 of bytes that come in parts. It finds damage; it is no protection against forgery.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();

  void update(const void* data, size_t num_bytes);
  /// Of what came so far: 32 lower-case hexadecimal digits, most significant first.
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string content_hash(std::string_view bytes);

/// Size and hash of a file. It must be a regular one: a link or a pipe inside a checkpoint is
/// refused. Errors: CheckpointError naming the path.
FileDigest digest_file(const std::string& path);

}  // namespace hecaton::checkpoint::detail
