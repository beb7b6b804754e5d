// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/config_faults.h"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton {
namespace {

using testing::expect_error;

struct RouterSettings {
  int64_t num_experts = 8;
  bool norm_topk_prob = false;

  void collect_faults(ConfigFaults& faults) const {
    faults.require(num_experts >= 1, "num_experts", num_experts, "must be at least 1");
    faults.require(!norm_topk_prob, "norm_topk_prob", norm_topk_prob, "must be false");
  }
};

struct LayerSettings {
  RouterSettings router;
  std::string activation = "swiglu";

  void collect_faults(ConfigFaults& faults) const {
    faults.require_valid("router", router);
    faults.require(activation == "swiglu", "activation", activation, "must be swiglu");
  }
};

TEST(ConfigFaultsTest, ThrowsNothingWithoutFaults) {
  ConfigFaults faults("layer");
  LayerSettings().collect_faults(faults);
  EXPECT_TRUE(faults.faults().empty());
  EXPECT_NO_THROW(faults.throw_if_any());
}

TEST(ConfigFaultsTest, ListsEveryFaultWithItsNestedPath) {
  const LayerSettings settings{.router = {.num_experts = 0, .norm_topk_prob = true},
                               .activation = "tanh"};
  ConfigFaults faults("train");
  faults.require_valid("moe", settings);
  faults.require(false, "seed", -1.5, "must be a count");
  EXPECT_EQ(faults.faults().size(), 4U);
  expect_error<ConfigError>([&] { faults.throw_if_any(); },
                            "train.moe.router.num_experts = 0: must be at least 1\n"
                            "train.moe.router.norm_topk_prob = true: must be false\n"
                            "train.moe.activation = tanh: must be swiglu\n"
                            "train.seed = -1.5: must be a count");
}

TEST(ConfigFaultsTest, LeavesOutAnEmptyRoot) {
  ConfigFaults faults("");
  faults.require_valid("router", RouterSettings{.num_experts = -3});
  faults.require(false, "seed", "x", "must be a number");
  expect_error<ConfigError>([&] { faults.throw_if_any(); },
                            "router.num_experts = -3: must be at least 1\n"
                            "seed = x: must be a number");
}

}  // namespace
}  // namespace hecaton
