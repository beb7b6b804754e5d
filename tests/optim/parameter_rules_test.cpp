// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/parameter_rules.h"

#include <cmath>
#include <string>
#include <vector>

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::optim {
namespace {

using testing::expect_error;

constexpr int64_t kNumExperts = 4;

Parameter experts_of(const std::string& layer, int64_t first, int64_t count) {
  Parameter parameter;
  parameter.name = layer + ".mlp.experts.up";
  parameter.tensor = at::zeros({count, 2, 3}).requires_grad_();
  parameter.replicas = ReplicaAxis::kExpert;
  for (int64_t l = 0; l < count; ++l) {
    const std::string expert = layer + ".mlp.experts." + std::to_string(first + l);
    parameter.slices.push_back({expert + ".gate_proj.weight", {1, 3}, 6 * l});
    parameter.slices.push_back({expert + ".up_proj.weight", {1, 3}, 6 * l + 3});
  }
  return parameter;
}

/// One layer as ep_rank 1 of 2 holds it, and the head.
std::vector<Parameter> model() {
  const auto whole = [](const std::string& name) {
    return whole_parameter(name, at::zeros({2}).requires_grad_(), DecayClass::kDecay);
  };
  return {whole("model.layers.0.mlp.gate.weight"),
          experts_of("model.layers.0", 2, 2),
          whole("lm_head.weight")};
}

std::string error_of(const std::vector<ParameterRule>& rules) {
  std::vector<Parameter> parameters = model();
  try {
    apply_rules(rules, kNumExperts, parameters);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no ConfigError";
}

TEST(ParameterRulesTest, TheFirstMatchWins) {
  std::vector<Parameter> parameters = model();
  apply_rules({{.match = "*.gate.weight", .update = {.is_frozen = true}},
               {.match = "model.layers.0.*", .update = {.lr_scale = 0.5, .weight_decay = 0.25}}},
              kNumExperts,
              parameters);
  EXPECT_TRUE(parameters[0].update.is_frozen);
  EXPECT_FALSE(parameters[0].tensor.requires_grad());
  EXPECT_EQ(parameters[0].update.lr_scale, 1.0);
  EXPECT_EQ(parameters[1].update.lr_scale, 0.5);
  EXPECT_EQ(parameters[1].update.weight_decay, 0.25);
  EXPECT_TRUE(parameters[1].tensor.requires_grad());
  EXPECT_EQ(parameters[2].update.lr_scale, 1.0);
  EXPECT_FALSE(parameters[2].update.weight_decay.has_value());
}

TEST(ParameterRulesTest, NamesTheNearestParameterOfAPatternThatMatchesNothing) {
  EXPECT_EQ(error_of({{.match = "*.gates.weight"}}),
            "optimizer.groups.0.match = *.gates.weight: matches no parameter; the nearest is "
            "model.layers.0.mlp.gate.weight");
  EXPECT_EQ(error_of({{.match = "lm_heat*"}}),
            "optimizer.groups.0.match = lm_heat*: matches no parameter; the nearest is "
            "lm_head.weight");
  // An expert that lives on the other rank is there; one that no rank has is not.
  EXPECT_EQ(error_of({{.match = "*.experts.7.*"}}),
            "optimizer.groups.0.match = *.experts.7.*: matches no parameter; the nearest is "
            "model.layers.0.mlp.experts.0.gate_proj.weight");
}

TEST(ParameterRulesTest, RefusesToTreatPartsOfOneTensorDifferently) {
  EXPECT_EQ(error_of({{.match = "*.experts.1.*"}}),
            "optimizer.groups.0.match = *.experts.1.*: matches "
            "model.layers.0.mlp.experts.1.gate_proj.weight but not "
            "model.layers.0.mlp.experts.0.gate_proj.weight, which is stored with it and must be "
            "treated alike");
  EXPECT_EQ(error_of({{.match = "*.gate_proj.weight"}}),
            "optimizer.groups.0.match = *.gate_proj.weight: matches "
            "model.layers.0.mlp.experts.0.gate_proj.weight but not "
            "model.layers.0.mlp.experts.0.up_proj.weight, which is stored with it and must be "
            "treated alike");
}

TEST(ParameterRulesTest, RefusesARuleThatNeverApplies) {
  EXPECT_EQ(error_of({{.match = "*"}, {.match = "*.gate.weight"}}),
            "optimizer.groups.1.match = *.gate.weight: matches only parameters that an earlier "
            "group has, such as model.layers.0.mlp.gate.weight");
}

TEST(ParameterRulesTest, RefusesToFreezeEverything) {
  EXPECT_EQ(error_of({{.match = "*", .update = {.is_frozen = true}}}),
            "optimizer.groups = frozen: leave nothing to train");
}

TEST(ParameterRulesTest, ListsEveryFaultAndChangesNothing) {
  std::vector<Parameter> parameters = model();
  const std::vector<ParameterRule> rules = {
      {.match = "*.gate.weight", .update = {.lr_scale = 0.0, .is_frozen = true}},
      {.match = "lm_head.weight", .update = {.weight_decay = -1.0}},
      {.match = "nothing", .update = {.lr_scale = INFINITY, .weight_decay = NAN}}};
  for (const char* fault : {"optimizer.groups.0.lr_scale = 0: must be finite and above 0",
                            "optimizer.groups.1.weight_decay = -1: must be finite and at least 0",
                            "optimizer.groups.2.lr_scale = inf: must be finite and above 0",
                            "optimizer.groups.2.weight_decay = nan: must be finite and at least 0",
                            "optimizer.groups.2.match = nothing: matches no parameter"}) {
    expect_error<ConfigError>([&] { apply_rules(rules, kNumExperts, parameters); }, fault);
  }
  EXPECT_TRUE(parameters[0].tensor.requires_grad());
  EXPECT_FALSE(parameters[0].update.is_frozen);
}

}  // namespace
}  // namespace hecaton::optim
