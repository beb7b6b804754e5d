// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/optimizer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "optim/adamw.h"
#include "optim/muon.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton::optim {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::random_tensor;

/// Random numbers that depend on the name alone, as at the start of a run.
Parameter parameter_of(const std::string& name,
                       at::IntArrayRef sizes,
                       at::ScalarType dtype,
                       const UpdateRule& update = {}) {
  Parameter parameter =
      whole_parameter(name, random_tensor(sizes, dtype, name), DecayClass::kDecay);
  parameter.update = update;
  return parameter;
}

/// A hidden matrix, an embedding, a norm.
std::vector<Parameter> network(at::ScalarType dtype) {
  std::vector<Parameter> parameters = {parameter_of("hidden", {4, 6}, dtype),
                                       parameter_of("embedding", {5, 3}, dtype),
                                       parameter_of("norm", {7}, dtype)};
  parameters[0].is_hidden_matrix = true;
  parameters[2].decay = DecayClass::kNoDecay;
  return parameters;
}

using MakeOptimizer = std::function<std::unique_ptr<Optimizer>(FlatParameters&)>;

/// Every optimizer of the folder.
std::vector<std::pair<std::string, MakeOptimizer>> optimizers() {
  return {
      {"adamw", [](FlatParameters& flat) { return std::make_unique<AdamW>(flat, AdamWConfig{}); }},
      {"muon", [](FlatParameters& flat) { return std::make_unique<Muon>(flat, MuonConfig{}); }}};
}

void take_steps(FlatParameters& flat, Optimizer& optimizer, int64_t begin, int64_t end) {
  for (int64_t step = begin; step < end; ++step) {
    for (const FlatGroup& group : flat.groups()) {
      for (size_t i = 0; i < group.parameters.size() && !group.update.is_frozen; ++i) {
        const Parameter& parameter = group.parameters[i];
        flat.grad_of(parameter.tensor)
            .copy_(random_tensor(parameter.tensor.sizes(),
                                 at::kFloat,
                                 parameter.name + " step " + std::to_string(step)));
      }
    }
    optimizer.step(/*lr=*/0.01 / static_cast<double>(step + 1));
  }
}

void copy_into(FlatParameters& target, const FlatParameters& source) {
  for (size_t i = 0; i < source.groups().size(); ++i) {
    at::Tensor master_Z = target.groups()[i].master.flat_Z();
    master_Z.copy_(source.groups()[i].master.flat_Z());
  }
  target.copy_masters_to_values();
}

TEST(OptimizerTest, ARestoredStateGoesOnWithTheSameBits) {
  for (const auto& [name, make] : optimizers()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(name);
      FlatParameters flat(network(dtype));
      const std::unique_ptr<Optimizer> optimizer = make(flat);
      take_steps(flat, *optimizer, 0, 3);

      FlatParameters resumed_flat(network(dtype));
      const std::unique_ptr<Optimizer> resumed = make(resumed_flat);
      copy_into(resumed_flat, flat);
      resumed->set_num_steps(optimizer->num_steps());
      for (size_t i = 0; i < resumed->states().size(); ++i) {
        const OptimizerState& state = resumed->states()[i];
        for (size_t j = 0; j < state.group->parameters.size(); ++j) {
          const auto idx = static_cast<int64_t>(j);
          const NamedSlice& slice = state.group->parameters[j].slices[0];
          slice_view(state.buffer.view(idx), slice)
              .copy_(slice_view(optimizer->states()[i].buffer.view(idx), slice));
        }
      }
      take_steps(flat, *optimizer, 3, 6);
      take_steps(resumed_flat, *resumed, 3, 6);
      EXPECT_EQ(resumed->num_steps(), 6);
      for (size_t i = 0; i < flat.groups().size(); ++i) {
        expect_bitwise_equal(resumed_flat.groups()[i].master.flat_Z(),
                             flat.groups()[i].master.flat_Z());
      }
      for (size_t i = 0; i < resumed->states().size(); ++i) {
        expect_bitwise_equal(resumed->states()[i].buffer.flat_Z(),
                             optimizer->states()[i].buffer.flat_Z());
      }
    }
  }
}

TEST(OptimizerTest, StatesNameTheirKindAndGroup) {
  FlatParameters flat(network(at::kBFloat16));
  const AdamW adamw(flat, {});
  ASSERT_EQ(adamw.states().size(), 6U);
  const Muon muon(flat, {});
  std::string kinds;
  for (const OptimizerState& state : muon.states()) {
    kinds += state.group->parameters[0].name + " " + state.kind + "; ";
    EXPECT_EQ(state.buffer.flat_Z().scalar_type(), at::kFloat);
    EXPECT_EQ(state.buffer.num_tensors(), 1);
  }
  EXPECT_EQ(kinds,
            "embedding exp_avg; embedding exp_avg_sq; hidden momentum; norm exp_avg; norm "
            "exp_avg_sq; ");
}

TEST(OptimizerTest, AGroupHasItsOwnLearningRateAndDecay) {
  for (const auto& [name, make] : optimizers()) {
    SCOPED_TRACE(name);
    const auto run = [&make_optimizer = make](const UpdateRule& update, double lr) {
      FlatParameters flat({parameter_of("w", {5, 3}, at::kDouble, update)});
      const std::unique_ptr<Optimizer> optimizer = make_optimizer(flat);
      flat.grad_of(flat.groups()[0].parameters[0].tensor).fill_(1.0);
      optimizer->step(lr);
      return flat.groups()[0].value.flat_Z().clone();
    };
    expect_close(run({.lr_scale = 0.25}, 0.04), run({}, 0.01), 4);
    // With a decay of lr * weight_decay = 1 nothing of the weight is left.
    const at::Tensor start_Z =
        FlatParameters({parameter_of("w", {5, 3}, at::kDouble)}).groups()[0].value.flat_Z();
    expect_close(run({.weight_decay = 1e3}, 0.001) + start_Z, run({.weight_decay = 0.0}, 0.001), 8);
  }
}

TEST(OptimizerTest, AnExplicitDecayHoldsForNormsToo) {
  Parameter norm = parameter_of("norm", {3}, at::kDouble, {.weight_decay = 0.5});
  norm.decay = DecayClass::kNoDecay;
  FlatParameters flat({norm});
  const at::Tensor before = norm.tensor.clone();
  AdamW adamw(flat, {});
  adamw.step(/*lr=*/0.1);  // the gradient is zero
  expect_close(norm.tensor, before * 0.95, 4);
}

TEST(OptimizerTest, FrozenGroupsHaveNoStateAndStayAsTheyAre) {
  for (const auto& [name, make] : optimizers()) {
    SCOPED_TRACE(name);
    std::vector<Parameter> parameters = network(at::kBFloat16);
    parameters[0].update.is_frozen = true;
    const at::Tensor before = parameters[0].tensor.clone();
    const at::Tensor trained_before = parameters[1].tensor.clone();
    FlatParameters flat(parameters);
    const std::unique_ptr<Optimizer> optimizer = make(flat);
    EXPECT_EQ(optimizer->states().size(), 4U);
    for (const OptimizerState& state : optimizer->states()) {
      EXPECT_FALSE(state.group->update.is_frozen);
    }
    take_steps(flat, *optimizer, 0, 2);
    expect_bitwise_equal(parameters[0].tensor, before);
    EXPECT_FALSE(parameters[1].tensor.equal(trained_before));
  }
}

}  // namespace
}  // namespace hecaton::optim
