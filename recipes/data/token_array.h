// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/mapped_file.h"

namespace hecaton::recipes {

/// How token ids are stored: little-endian integers.
enum class TokenType { kUint8, kUint16, kUint32, kInt32, kInt64 };

/// Bytes of one token.
int64_t token_bytes(TokenType type);

/// "uint16" and so on.
std::string token_type_name(TokenType type);

/// Token ids in memory, or in a mapped file whose pages are loaded when they are read.
class TokenArray {
 public:
  TokenArray() = default;
  explicit TokenArray(std::vector<uint16_t> tokens) : tokens_(std::move(tokens)) {}
  /// file: all of it is tokens, its size a multiple of token_bytes(type).
  TokenArray(std::unique_ptr<const MappedFile> file, TokenType type);

  int64_t size() const;
  TokenType type() const { return type_; }

  /// Copies the ids of the tokens `begin` to `begin + count - 1` to `ids`.
  /// Errors:      DataError if the file was changed since it was opened.
  void copy(int64_t begin, int64_t count, int64_t* ids) const;

  /// What reading every token once finds.
  struct Scan {
    uint64_t hash = 0;                   ///< of the stored bytes
    std::optional<int64_t> outside_idx;  ///< first token outside [0, vocab_size)
  };
  /// Errors:      those of copy().
  /// Cost:        one pass at the speed of memory, or of the disk; a file stays unloaded otherwise.
  Scan scan(int64_t vocab_size) const;

 private:
  /// visit(const Token* tokens, int64_t count) with the stored type.
  template <typename Visit>
  void visit(const Visit& visit_tokens) const;

  TokenType type_ = TokenType::kUint16;
  std::vector<uint16_t> tokens_;
  std::unique_ptr<const MappedFile> file_;
};

}  // namespace hecaton::recipes
