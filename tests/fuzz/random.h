// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace hecaton::fuzz {

/// Random numbers that a seed repeats on every machine.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  /// A number in [0, bound). bound: at least 1, far below 2^31.
  size_t below(size_t bound) { return engine_() % bound; }
  bool one_in(size_t count) { return below(count) == 0; }
  template <typename Values>
  const auto& any_of(const Values& values) {
    return *std::next(std::begin(values), static_cast<std::ptrdiff_t>(below(std::size(values))));
  }

 private:
  std::minstd_rand engine_;
};

/// A whole number at which readers break: near 0, near a power of 2, near the ends of a type.
int64_t hostile_number(Random& random);

/// Changes, inserts or removes a byte, or repeats a few of them.
void mutate_bytes(std::string& bytes, Random& random);

/// Replaces `count` bytes at `begin`; where the text ends, it takes no more.
inline void put_bytes(std::string& bytes, size_t begin, std::string_view replacement) {
  if (begin < bytes.size()) {
    bytes.replace(begin, std::min(replacement.size(), bytes.size() - begin), replacement);
  }
}

}  // namespace hecaton::fuzz
