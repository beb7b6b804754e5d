// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/target.h"

// Joins one target with libFuzzer, which has names of its own. HECATON_FUZZ_TARGET: the function
// that makes the target.

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t num_bytes, size_t max_bytes);

namespace {

const hecaton::fuzz::Target& target() {
  static const hecaton::fuzz::Target kTarget = hecaton::fuzz::HECATON_FUZZ_TARGET();
  return kTarget;
}

std::string_view text_of(const uint8_t* data, size_t num_bytes) {
  return {reinterpret_cast<const char*>(data), num_bytes};
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t num_bytes) {
  target().read(text_of(data, num_bytes));
  return 0;
}

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data,
                                          size_t num_bytes,
                                          size_t max_bytes,
                                          unsigned int seed) {
  hecaton::fuzz::Random random(seed);
  // libFuzzer's own changes know what the reader compares its input with.
  if (random.one_in(16)) {
    return LLVMFuzzerMutate(data, num_bytes, max_bytes);
  }
  const std::string mutated = target().mutate(text_of(data, num_bytes), random);
  if (mutated.size() > max_bytes) {
    return LLVMFuzzerMutate(data, num_bytes, max_bytes);
  }
  std::copy(mutated.begin(), mutated.end(), data);
  return mutated.size();
}
