// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// Philox4x32-10: four random words from a counter and a key, without any state.
///
/// Source:      Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.
/// Determinism: a pure function, the same on every machine.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// 64-bit FNV-1a hash of a name. Stable: initial weights depend on it.
uint64_t hash_name(std::string_view name);

/// A stream of random numbers that can be read at any place: number i depends on (seed, stream, i)
/// alone, so it is the same for every layout, thread count and order of reading.
class CounterRng {
 public:
  /// stream: name of the use, for example a parameter's global name.
  CounterRng(uint64_t seed, std::string_view stream);

  /// 64 random bits.
  uint64_t bits(uint64_t idx) const;
  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform(uint64_t idx) const;
  /// Standard normal. Source: Box and Muller 1958.
  double normal(uint64_t idx) const;

 private:
  std::array<uint32_t, 4> block(uint64_t idx) const;

  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 2> stream_;
};

/// Sets element i of `tensor` to `std_dev` times normal number first_idx + i of `rng`, rounded from
/// float64 to its dtype. tensor: contiguous, CPU, floating point, changed in place.
void fill_normal(at::Tensor tensor, const CounterRng& rng, double std_dev, uint64_t first_idx = 0);

/// A seed from LibTorch's default generator, so that torch::manual_seed() decides about modules
/// that nobody gave a seed. Thread-safe.
uint64_t random_seed();

/// A pseudo-random permutation of [0, size): the value at `idx`. A keyed Feistel network walked
/// until it lands inside, so no table is held and every rank can ask for any place.
///
/// Source:      Luby and Rackoff 1988, "How to construct pseudorandom permutations from
///              pseudorandom functions" (four rounds).
/// Errors:      InternalError unless 0 <= idx < size.
int64_t permuted_idx(int64_t idx, int64_t size, const CounterRng& rng);

}  // namespace hecaton
