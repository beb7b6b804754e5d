// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "core/rng.h"
#include "tests/testing/random_tensor.h"

namespace hecaton::kernels {

/// 0, 1, a prime, and the neighbourhood of a power of two.
inline constexpr int64_t kSizes[] = {0, 1, 7, 31, 32, 33};

/// [T, K] int32: each slot draws one of `choices`, where -1 leaves it unused.
inline at::Tensor random_choices(int64_t T, int64_t K, const std::vector<int32_t>& choices) {
  const CounterRng rng(testing::test_seed(), "choices");
  at::Tensor expert_idx_TK = at::empty({T, K}, at::TensorOptions().dtype(at::kInt));
  auto* expert_idx = expert_idx_TK.data_ptr<int32_t>();
  for (int64_t s = 0; s < T * K; ++s) {
    expert_idx[s] = choices[rng.bits(static_cast<uint64_t>(s)) % choices.size()];
  }
  return expert_idx_TK;
}

/// One decision of a router, named by what is hard about it.
struct RoutingCase {
  std::string name;
  int64_t num_experts;
  at::Tensor expert_idx_TK;
};

inline std::vector<RoutingCase> routing_cases() {
  std::vector<RoutingCase> cases = {
      {"first expert empty", 4, random_choices(13, 2, {1, 2, 3})},
      {"middle expert empty", 4, random_choices(13, 2, {0, 1, 3})},
      {"last expert empty", 4, random_choices(13, 2, {0, 1, 2})},
      {"all slots to one expert", 4, random_choices(13, 2, {2})},
      {"unused slots", 4, random_choices(13, 2, {-1, 0, 1, 2, 3})},
      {"every slot unused", 4, random_choices(13, 2, {-1})},
      {"one expert", 1, random_choices(13, 1, {0})},
      {"more experts than slots", 1000, random_choices(3, 2, {0, 500, 999})},
  };
  for (const int64_t T : kSizes) {
    cases.push_back({std::to_string(T) + " tokens", 5, random_choices(T, 3, {-1, 0, 1, 2, 3, 4})});
  }
  return cases;
}

}  // namespace hecaton::kernels
