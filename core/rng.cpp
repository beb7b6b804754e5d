// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/rng.h"

#include <cmath>
#include <mutex>
#include <numbers>
#include <type_traits>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Dispatch.h>

#include "core/check.h"

namespace hecaton {
namespace {

constexpr double kInverse2Pow53 = 1.0 / 9007199254740992.0;

uint64_t join(uint32_t high, uint32_t low) {
  return (static_cast<uint64_t>(high) << 32) | low;
}

/// The low-precision types convert from float alone.
template <typename Scalar>
Scalar rounded(double value) {
  if constexpr (std::is_same_v<Scalar, double>) {
    return value;
  } else {
    return static_cast<Scalar>(static_cast<float>(value));
  }
}

std::array<uint32_t, 2> split(uint64_t value) {
  return {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  // Multipliers and key increments of the reference implementation (Random123).
  constexpr uint64_t kMultiplier0 = 0xD2511F53;
  constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9;
  constexpr uint32_t kWeyl1 = 0xBB67AE85;
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

uint64_t hash_name(std::string_view name) {
  constexpr uint64_t kOffset = 0xCBF29CE484222325;
  constexpr uint64_t kPrime = 0x100000001B3;
  uint64_t hash = kOffset;
  for (const char character : name) {
    hash = (hash ^ static_cast<unsigned char>(character)) * kPrime;
  }
  return hash;
}

CounterRng::CounterRng(uint64_t seed, std::string_view stream)
    : key_(split(seed)), stream_(split(hash_name(stream))) {}

std::array<uint32_t, 4> CounterRng::block(uint64_t idx) const {
  const std::array<uint32_t, 2> place = split(idx);
  return philox4x32({place[0], place[1], stream_[0], stream_[1]}, key_);
}

uint64_t CounterRng::bits(uint64_t idx) const {
  const std::array<uint32_t, 4> words = block(idx);
  return join(words[1], words[0]);
}

double CounterRng::uniform(uint64_t idx) const {
  return static_cast<double>(bits(idx) >> 11) * kInverse2Pow53;
}

double CounterRng::normal(uint64_t idx) const {
  const std::array<uint32_t, 4> words = block(idx);
  // The first uniform is in (0, 1], so its logarithm is finite.
  const double u = static_cast<double>((join(words[1], words[0]) >> 11) + 1) * kInverse2Pow53;
  const double v = static_cast<double>(join(words[3], words[2]) >> 11) * kInverse2Pow53;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

void fill_normal(at::Tensor tensor, const CounterRng& rng, double std_dev, uint64_t first_idx) {
  HECATON_CHECK(tensor.is_contiguous() && tensor.is_cpu(),
                "fill_normal needs a contiguous CPU tensor");
  const int64_t N = tensor.numel();
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kBFloat16, at::kHalf, tensor.scalar_type(), "fill_normal", [&] {
        auto* data = tensor.data_ptr<scalar_t>();
        for (int64_t i = 0; i < N; ++i) {
          data[i] = rounded<scalar_t>(std_dev * rng.normal(first_idx + static_cast<uint64_t>(i)));
        }
      });
}

uint64_t random_seed() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::scoped_lock lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

int64_t permuted_idx(int64_t idx, int64_t size, const CounterRng& rng) {
  HECATON_CHECK(idx >= 0 && idx < size, "index outside the permutation");
  // A balanced Feistel network on the smallest even number of bits that holds `size`.
  constexpr int kMaxHalfBits = 32;
  int half_bits = 1;
  while (half_bits < kMaxHalfBits && (int64_t{1} << (2 * half_bits)) < size) {
    ++half_bits;
  }
  const uint64_t mask = (uint64_t{1} << half_bits) - 1;
  // Luby and Rackoff 1988: four rounds suffice against any test of order.
  constexpr uint64_t kRounds = 4;
  auto value = static_cast<uint64_t>(idx);
  do {
    uint64_t left = value >> half_bits;
    uint64_t right = value & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t mixed = left ^ (rng.bits((round << 60) | right) & mask);
      left = right;
      right = mixed;
    }
    value = (left << half_bits) | right;
  } while (value >= static_cast<uint64_t>(size));
  return static_cast<int64_t>(value);
}

}  // namespace hecaton
