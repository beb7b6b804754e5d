// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "core/rng.h"

namespace hecaton::testing {

/// Seed of every random input: HECATON_TEST_SEED from the environment, else 1234. Printed once, so
/// that a failure can be repeated.
inline uint64_t test_seed() {
  static const uint64_t kSeed = [] {
    const char* text = std::getenv("HECATON_TEST_SEED");
    const uint64_t seed = text == nullptr ? 1234 : std::stoull(text);
    std::cout << "HECATON_TEST_SEED=" << seed << "\n";
    return seed;
  }();
  return kSeed;
}

/// Standard normal numbers that depend on the seed and on `name` alone.
inline at::Tensor random_tensor(at::IntArrayRef sizes,
                                at::ScalarType dtype,
                                std::string_view name) {
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(dtype));
  fill_normal(tensor, CounterRng(test_seed(), name), /*std_dev=*/1.0);
  return tensor;
}

}  // namespace hecaton::testing
