// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/flat_parameters.h"

#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/grad_sink.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"

namespace hecaton {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_error;
using testing::random_tensor;

Parameter trained(const std::string& name,
                  at::IntArrayRef sizes,
                  at::ScalarType dtype,
                  DecayClass decay = DecayClass::kDecay,
                  ReplicaAxis replicas = ReplicaAxis::kDense) {
  at::Tensor tensor = random_tensor(sizes, dtype, name);
  tensor.set_requires_grad(true);
  Parameter parameter = whole_parameter(name, tensor, decay);
  parameter.replicas = replicas;
  return parameter;
}

at::Tensor scalar(double value, at::ScalarType dtype) {
  return at::full({1}, value, at::TensorOptions().dtype(dtype));
}

TEST(FlatParametersTest, KeepsObjectsAndValues) {
  const std::vector<Parameter> parameters = {trained("a", {3, 5}, at::kFloat),
                                             trained("b", {7}, at::kFloat)};
  const at::Tensor handle = parameters[0].tensor;
  const at::Tensor before = handle.detach().clone();
  const FlatParameters flat(parameters);
  ASSERT_EQ(flat.groups().size(), 1U);
  const FlatGroup& group = flat.groups()[0];
  EXPECT_TRUE(group.parameters[0].tensor.is_same(handle));
  EXPECT_TRUE(handle.is_leaf() && handle.requires_grad());
  expect_bitwise_equal(handle, before);
  for (int64_t i = 0; i < 2; ++i) {
    EXPECT_EQ(parameters[static_cast<size_t>(i)].tensor.data_ptr(), group.value.view(i).data_ptr());
  }
}

TEST(FlatParametersTest, GroupsByReplicaAxisDecayAndDtypeInOrder) {
  const FlatParameters flat(
      {trained("dense", {2}, at::kFloat),
       trained("expert", {2}, at::kFloat, DecayClass::kDecay, ReplicaAxis::kExpert),
       trained("norm", {2}, at::kFloat, DecayClass::kNoDecay),
       trained("half", {2}, at::kBFloat16),
       trained("dense again", {2}, at::kFloat)});
  ASSERT_EQ(flat.groups().size(), 4U);
  for (const FlatGroup& group : flat.groups()) {
    for (const Parameter& parameter : group.parameters) {
      EXPECT_EQ(parameter.replicas, group.replicas);
      EXPECT_EQ(parameter.decay, group.decay);
      EXPECT_EQ(parameter.tensor.scalar_type(), group.value.flat_Z().scalar_type());
    }
    if (group.parameters.size() == 2) {
      EXPECT_EQ(group.parameters[0].name, "dense");
      EXPECT_EQ(group.parameters[1].name, "dense again");
    }
  }
}

TEST(FlatParametersTest, GroupsByTreatmentToo) {
  std::vector<Parameter> parameters;
  for (const char* name : {"plain", "matrix", "slow", "decayed", "frozen", "plain again"}) {
    parameters.push_back(trained(name, {2}, at::kFloat));
  }
  parameters[1].is_hidden_matrix = true;
  parameters[2].update.lr_scale = 0.5;
  parameters[3].update.weight_decay = 0.0;
  parameters[4].update.is_frozen = true;
  const FlatParameters flat(parameters);
  ASSERT_EQ(flat.groups().size(), 5U);
  for (const FlatGroup& group : flat.groups()) {
    const Parameter& first = group.parameters[0];
    EXPECT_EQ(group.is_hidden_matrix, first.is_hidden_matrix);
    EXPECT_EQ(group.update.lr_scale, first.update.lr_scale);
    EXPECT_EQ(group.update.weight_decay, first.update.weight_decay);
    EXPECT_EQ(group.update.is_frozen, first.update.is_frozen);
    EXPECT_EQ(group.parameters.size(), first.name == "plain" ? 2U : 1U);
  }
}

TEST(FlatParametersTest, FrozenParametersHaveNeitherGradientNorMaster) {
  Parameter frozen = trained("frozen", {3}, at::kBFloat16);
  frozen.update.is_frozen = true;
  frozen.tensor.set_requires_grad(false);
  const at::Tensor before = frozen.tensor.clone();
  FlatParameters flat({frozen});
  const FlatGroup& group = flat.groups()[0];
  EXPECT_FALSE(group.has_master_copy());
  EXPECT_EQ(group.grad.num_tensors(), 0);
  EXPECT_EQ(group.grad.flat_Z().numel(), 0);
  EXPECT_FALSE(flat.grad_of(frozen.tensor).defined());
  flat.collect_grads();
  flat.zero_grads();
  flat.copy_masters_to_values();
  flat.copy_values_to_masters();
  expect_bitwise_equal(frozen.tensor, before);
}

TEST(FlatParametersTest, CollectsBfloat16GradientsInFloat) {
  const Parameter parameter = trained("w", {1}, at::kBFloat16);
  FlatParameters flat({parameter});
  // 1 + 2^-9 has more digits than bfloat16: a bfloat16 accumulator would stay at 1.
  for (const double grad : {1.0, 0x1p-9}) {
    (parameter.tensor * scalar(grad, at::kBFloat16)).sum().backward();
    flat.collect_grads();
    EXPECT_FALSE(parameter.tensor.grad().defined());
  }
  expect_bitwise_equal(flat.grad_of(parameter.tensor), scalar(1.0 + 0x1p-9, at::kFloat));
}

TEST(FlatParametersTest, CollectsDoubleGradientsInDouble) {
  const Parameter parameter = trained("w", {1}, at::kDouble);
  FlatParameters flat({parameter});
  for (const double grad : {1.0, 0x1p-40}) {
    (parameter.tensor * scalar(grad, at::kDouble)).sum().backward();
    flat.collect_grads();
  }
  expect_bitwise_equal(flat.grad_of(parameter.tensor), scalar(1.0 + 0x1p-40, at::kDouble));
}

TEST(FlatParametersTest, CollectsExpandedAndMissingGradients) {
  const std::vector<Parameter> parameters = {trained("used", {3, 4}, at::kFloat),
                                             trained("unused", {5}, at::kFloat)};
  FlatParameters flat(parameters);
  parameters[0].tensor.sum().backward();  // autograd hands over an expanded 1
  flat.collect_grads();
  expect_bitwise_equal(flat.grad_of(parameters[0].tensor),
                       at::ones_like(parameters[0].tensor.detach()));
  EXPECT_EQ(flat.grad_of(parameters[1].tensor).abs().sum().item<double>(), 0.0);
}

TEST(FlatParametersTest, ASinkIsAViewIntoTheAccumulator) {
  const std::vector<Parameter> parameters = {trained("a", {2, 3}, at::kBFloat16),
                                             trained("b", {4}, at::kBFloat16)};
  FlatParameters flat(parameters);
  EXPECT_FALSE(GradSink().is_set());
  const GradSink sink{flat.grad_of(parameters[1].tensor)};
  EXPECT_TRUE(sink.is_set());
  sink.grad().add_(2.5);
  EXPECT_EQ(sink.grad().scalar_type(), at::kFloat);
  EXPECT_EQ(flat.groups()[0].grad.flat_Z().sum().item<double>(), 4 * 2.5);
  flat.zero_grads();
  EXPECT_EQ(sink.grad().abs().sum().item<double>(), 0.0);
}

TEST(FlatParametersTest, ASinkThatWasHandedOutIsMadeBlankAndZeroedAtLast) {
  const std::vector<Parameter> parameters = {trained("written", {2, 3}, at::kFloat),
                                             trained("idle", {4}, at::kFloat),
                                             trained("plain", {5}, at::kFloat)};
  FlatParameters flat(parameters);
  GradSink written = flat.sink_of(parameters[0].tensor);
  const GradSink idle = flat.sink_of(parameters[1].tensor);
  flat.groups()[0].grad.flat_Z().fill_(7.0);
  flat.zero_grads();
  EXPECT_TRUE(written.is_blank());
  expect_error<InternalError>([&] { flat.groups()[0].check_grads_collected(); },
                              "collect_grads() comes before gradients are read");
  EXPECT_TRUE(flat.sink_of(parameters[1].tensor).is_blank());
  EXPECT_EQ(flat.grad_of(parameters[2].tensor).abs().sum().item<double>(), 0.0);

  written.grad().fill_(2.0);
  written.set_written();
  parameters[1].tensor.sum().backward();  // used as an ordinary weight as well
  flat.collect_grads();
  EXPECT_FALSE(idle.is_blank());
  flat.groups()[0].check_grads_collected();
  expect_bitwise_equal(written.grad(), at::full({2, 3}, 2.0));
  expect_bitwise_equal(idle.grad(), at::ones({4}));

  flat.zero_grads();
  expect_bitwise_equal(written.sum(), at::zeros({2, 3}));
  EXPECT_FALSE(written.is_blank());
  flat.collect_grads();
  expect_bitwise_equal(idle.grad(), at::zeros({4}));
}

TEST(FlatParametersTest, AFrozenParameterHasNoSink) {
  Parameter frozen = trained("frozen", {3}, at::kFloat);
  frozen.update.is_frozen = true;
  FlatParameters flat({frozen});
  EXPECT_FALSE(flat.sink_of(frozen.tensor).is_set());
}

TEST(FlatParametersTest, RefusesAParameterThatItDoesNotHold) {
  const FlatParameters flat({trained("a", {2}, at::kFloat)});
  expect_error<InternalError>([&] { flat.grad_of(random_tensor({2}, at::kFloat, "other")); },
                              "no flat buffer holds this parameter");
}

TEST(FlatParametersTest, TheMasterOfAWideParameterIsTheParameter) {
  for (const auto dtype : {at::kFloat, at::kDouble}) {
    const FlatParameters flat({trained("a", {3}, dtype)});
    const FlatGroup& group = flat.groups()[0];
    EXPECT_FALSE(group.has_master_copy());
    EXPECT_EQ(group.master.flat_Z().data_ptr(), group.value.flat_Z().data_ptr());
    EXPECT_EQ(group.grad.flat_Z().scalar_type(), dtype);
  }
}

TEST(FlatParametersTest, MastersOfBfloat16GoBothWays) {
  const Parameter parameter = trained("a", {3}, at::kBFloat16);
  FlatParameters flat({parameter});
  const FlatGroup& group = flat.groups()[0];
  EXPECT_TRUE(group.has_master_copy());
  const at::Tensor master = group.master.view(0);
  expect_bitwise_equal(master, parameter.tensor.detach().to(at::kFloat));

  // Three quarters of a step above 1: rounded up in the parameter, kept in the master.
  master.fill_(1.0 + 0.75 * 0x1p-7);
  flat.copy_masters_to_values();
  expect_bitwise_equal(parameter.tensor,
                       at::full({3}, 1.0 + 0x1p-7, at::TensorOptions().dtype(at::kBFloat16)));
  EXPECT_EQ(master[0].item<double>(), 1.0 + 0.75 * 0x1p-7);

  flat.copy_values_to_masters();
  expect_bitwise_equal(master, at::full({3}, 1.0 + 0x1p-7));
}

TEST(FlatParametersTest, HoldsNoParameters) {
  FlatParameters flat({});
  flat.collect_grads();
  flat.zero_grads();
  EXPECT_TRUE(flat.groups().empty());
}

}  // namespace
}  // namespace hecaton
