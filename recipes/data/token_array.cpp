// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/token_array.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace hecaton::recipes {
namespace {

/// Changes with every word and with their order: each step is invertible, and the rotation carries
/// the high bits down.
uint64_t mixed(uint64_t hash, uint64_t word) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15;  // odd; 2^64 over the golden ratio
  return std::rotl(hash ^ word, 29) * kMultiplier;
}

/// The hash of more bytes. Eight at a time, because a byte at a time is slower than a disk.
uint64_t hash_bytes(uint64_t hash, const char* bytes, size_t num_bytes) {
  size_t place = 0;
  for (; place + sizeof(uint64_t) <= num_bytes; place += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + place, sizeof(word));
    hash = mixed(hash, word);
  }
  uint64_t rest = num_bytes - place;  // tells "1 byte of 0" from "2 bytes of 0"
  for (; place < num_bytes; ++place) {
    rest = (rest << 8) | static_cast<unsigned char>(bytes[place]);
  }
  return mixed(hash, rest);
}

template <typename Token>
bool has_outside(const Token* tokens, int64_t count, int64_t vocab_size) {
  bool found = false;  // no early way out, so that the loop is vectorised
  for (int64_t i = 0; i < count; ++i) {
    const auto id = static_cast<int64_t>(tokens[i]);
    found |= id < 0 || id >= vocab_size;
  }
  return found;
}

}  // namespace

int64_t token_bytes(TokenType type) {
  switch (type) {
    case TokenType::kUint8:
      return 1;
    case TokenType::kUint16:
      return 2;
    case TokenType::kUint32:
    case TokenType::kInt32:
      return 4;
    case TokenType::kInt64:
      return 8;
  }
  throw InternalError("a token type without a size");
}

std::string token_type_name(TokenType type) {
  switch (type) {
    case TokenType::kUint8:
      return "uint8";
    case TokenType::kUint16:
      return "uint16";
    case TokenType::kUint32:
      return "uint32";
    case TokenType::kInt32:
      return "int32";
    case TokenType::kInt64:
      return "int64";
  }
  throw InternalError("a token type without a name");
}

TokenArray::TokenArray(std::unique_ptr<const MappedFile> file, TokenType type)
    : type_(type), file_(std::move(file)) {
  HECATON_CHECK(file_->bytes().size() % static_cast<size_t>(token_bytes(type_)) == 0,
                "a token file holds whole tokens");
}

int64_t TokenArray::size() const {
  return file_ == nullptr ? static_cast<int64_t>(tokens_.size())
                          : static_cast<int64_t>(file_->bytes().size()) / token_bytes(type_);
}

template <typename Visit>
void TokenArray::visit(const Visit& visit_tokens) const {
  if (file_ == nullptr) {
    visit_tokens(tokens_.data());
    return;
  }
  file_->check_unchanged();
  // A mapping starts at a page, so the tokens are aligned.
  const void* data = file_->bytes().data();
  switch (type_) {
    case TokenType::kUint8:
      return visit_tokens(static_cast<const uint8_t*>(data));
    case TokenType::kUint16:
      return visit_tokens(static_cast<const uint16_t*>(data));
    case TokenType::kUint32:
      return visit_tokens(static_cast<const uint32_t*>(data));
    case TokenType::kInt32:
      return visit_tokens(static_cast<const int32_t*>(data));
    case TokenType::kInt64:
      return visit_tokens(static_cast<const int64_t*>(data));
  }
}

void TokenArray::copy(int64_t begin, int64_t count, int64_t* ids) const {
  HECATON_CHECK(begin >= 0 && count >= 0 && begin <= size() - count, "tokens of the array");
  visit([&](const auto* tokens) { std::copy_n(tokens + begin, count, ids); });
}

TokenArray::Scan TokenArray::scan(int64_t vocab_size) const {
  constexpr int64_t kBlock = int64_t{1} << 16;  // tokens; the second look at a block is in cache
  Scan scan;
  for (int64_t begin = 0; begin < size(); begin += kBlock) {
    const int64_t count = std::min(kBlock, size() - begin);
    visit([&](const auto* tokens) {
      scan.hash = hash_bytes(scan.hash,
                             reinterpret_cast<const char*>(tokens + begin),
                             static_cast<size_t>(count) * sizeof(*tokens));
      if (!scan.outside_idx && has_outside(tokens + begin, count, vocab_size)) {
        int64_t idx = begin;
        while (!has_outside(tokens + idx, 1, vocab_size)) {
          ++idx;
        }
        scan.outside_idx = idx;
      }
    });
  }
  return scan;
}

}  // namespace hecaton::recipes
