// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/adamw.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::optim {
namespace {

using testing::expect_bitwise_equal;
using testing::expect_close;
using testing::expect_error;
using testing::random_tensor;

/// Sizes around the width of a vector register and of a gap, with and without decay.
std::vector<Parameter> make_parameters(at::ScalarType dtype) {
  std::vector<Parameter> parameters;
  for (const int64_t size : {1, 3, 16, 31, 32, 33}) {
    const std::string name = "weight " + std::to_string(size);
    parameters.push_back(
        whole_parameter(name, random_tensor({size, 2}, dtype, name), DecayClass::kDecay));
  }
  parameters.push_back(
      whole_parameter("norm", random_tensor({5}, dtype, "norm"), DecayClass::kNoDecay));
  return parameters;
}

/// The same gradient for the same step, whatever the dtype.
void set_grads(FlatParameters& flat, int64_t step) {
  for (FlatGroup& group : flat.groups()) {
    for (const Parameter& parameter : group.parameters) {
      flat.grad_of(parameter.tensor)
          .copy_(random_tensor(parameter.tensor.sizes(),
                               at::kFloat,
                               parameter.name + " step " + std::to_string(step)));
    }
  }
}

/// The state of a group, of which AdamW has two each.
const FlatBuffer& state_of(const AdamW& adamw, size_t group, const std::string& kind) {
  return adamw.states()[2 * group + (kind == "exp_avg" ? 0 : 1)].buffer;
}

/// The formula of the header, number by number.
class ReferenceAdamW {
 public:
  ReferenceAdamW(const at::Tensor& weight, double weight_decay, const AdamWConfig& config)
      : config_(config), weight_decay_(weight_decay) {
    const at::Tensor weight64 = weight.to(at::kDouble).contiguous();
    const double* data = weight64.const_data_ptr<double>();
    weight_.assign(data, data + weight64.numel());
    mean_.resize(weight_.size());
    mean_square_.resize(weight_.size());
  }

  void step(const at::Tensor& grad, double lr) {
    ++num_steps_;
    const at::Tensor grad64 = grad.to(at::kDouble).contiguous();
    const double* g = grad64.const_data_ptr<double>();
    const double mean_share = 1.0 - std::pow(config_.beta1, num_steps_);
    const double square_share = 1.0 - std::pow(config_.beta2, num_steps_);
    for (size_t i = 0; i < weight_.size(); ++i) {
      mean_[i] = config_.beta1 * mean_[i] + (1.0 - config_.beta1) * g[i];
      mean_square_[i] = config_.beta2 * mean_square_[i] + (1.0 - config_.beta2) * g[i] * g[i];
      const double root = std::sqrt(mean_square_[i] / square_share) + config_.eps;
      weight_[i] -= lr * (weight_decay_ * weight_[i] + mean_[i] / mean_share / root);
    }
  }

  at::Tensor weight() const { return at::tensor(weight_, at::TensorOptions(at::kDouble)); }
  at::Tensor mean() const { return at::tensor(mean_, at::TensorOptions(at::kDouble)); }
  at::Tensor mean_square() const {
    return at::tensor(mean_square_, at::TensorOptions(at::kDouble));
  }

 private:
  AdamWConfig config_;
  double weight_decay_;
  double num_steps_ = 0.0;
  std::vector<double> weight_;
  std::vector<double> mean_;
  std::vector<double> mean_square_;
};

/// Runs both for five steps with another learning rate each; factor as for expect_close().
void expect_equals_reference(at::ScalarType dtype, const AdamWConfig& config, double factor) {
  FlatParameters flat(make_parameters(dtype));
  AdamW adamw(flat, config);
  std::vector<std::vector<ReferenceAdamW>> reference;
  for (const FlatGroup& group : flat.groups()) {
    reference.emplace_back();
    for (const Parameter& parameter : group.parameters) {
      reference.back().emplace_back(parameter.tensor.detach(),
                                    group.decay == DecayClass::kDecay ? config.weight_decay : 0.0,
                                    config);
    }
  }
  for (int64_t step = 0; step < 5; ++step) {
    set_grads(flat, step);
    const double lr = 0.01 / static_cast<double>(step + 1);
    for (size_t i = 0; i < reference.size(); ++i) {
      for (size_t j = 0; j < reference[i].size(); ++j) {
        reference[i][j].step(flat.groups()[i].grad.view(static_cast<int64_t>(j)), lr);
      }
    }
    adamw.step(lr);
  }
  EXPECT_EQ(adamw.num_steps(), 5);
  for (size_t i = 0; i < reference.size(); ++i) {
    for (size_t j = 0; j < reference[i].size(); ++j) {
      SCOPED_TRACE(flat.groups()[i].parameters[j].name);
      const auto idx = static_cast<int64_t>(j);
      const ReferenceAdamW& expected = reference[i][j];
      expect_close(flat.groups()[i].value.view(idx).view({-1}), expected.weight(), factor);
      expect_close(state_of(adamw, i, "exp_avg").view(idx).view({-1}), expected.mean(), factor);
      expect_close(
          state_of(adamw, i, "exp_avg_sq").view(idx).view({-1}), expected.mean_square(), factor);
    }
  }
}

TEST(AdamWTest, EqualsItsFormulaInFloat64) {
  constexpr double kFactor = 1e-12 / std::numeric_limits<double>::epsilon();
  expect_equals_reference(at::kDouble, {}, kFactor);
  expect_equals_reference(at::kDouble, {.weight_decay = 0.0}, kFactor);
  expect_equals_reference(
      at::kDouble, {.beta1 = 0.5, .beta2 = 0.999, .eps = 1e-3, .weight_decay = 3.0}, kFactor);
  expect_equals_reference(at::kDouble, {.beta1 = 0.0, .beta2 = 0.0}, kFactor);
}

TEST(AdamWTest, EqualsItsFormulaInFloat32) {
  // Five steps round a weight and a moment a handful of times each, by half an epsilon of values
  // that are no larger than the largest of the tensor.
  constexpr double kFactor = 16;
  expect_equals_reference(at::kFloat, {}, kFactor);
  expect_equals_reference(at::kFloat, {.weight_decay = 0.0}, kFactor);
}

TEST(AdamWTest, OnlyTheDecayClassDecays) {
  const at::Tensor weight = random_tensor({7}, at::kDouble, "weight");
  const at::Tensor norm = random_tensor({7}, at::kDouble, "norm");
  FlatParameters flat({whole_parameter("weight", weight.clone(), DecayClass::kDecay),
                       whole_parameter("norm", norm.clone(), DecayClass::kNoDecay)});
  AdamW adamw(flat, {.weight_decay = 0.5});
  for (int step = 0; step < 3; ++step) {
    adamw.step(/*lr=*/0.1);  // all gradients are zero
  }
  for (const FlatGroup& group : flat.groups()) {
    if (group.decay == DecayClass::kDecay) {
      expect_close(group.value.view(0), weight * std::pow(1.0 - 0.1 * 0.5, 3), 8);
    } else {
      expect_bitwise_equal(group.value.view(0), norm);
    }
  }
}

TEST(AdamWTest, ALearningRateOfZeroMovesTheMomentsAlone) {
  FlatParameters flat(make_parameters(at::kFloat));
  std::vector<at::Tensor> before;
  for (const FlatGroup& group : flat.groups()) {
    before.push_back(group.value.flat_Z().clone());
  }
  AdamW adamw(flat, {});
  set_grads(flat, 0);
  adamw.step(/*lr=*/0.0);
  for (size_t i = 0; i < before.size(); ++i) {
    expect_bitwise_equal(flat.groups()[i].value.flat_Z(), before[i]);
    EXPECT_GT(state_of(adamw, i, "exp_avg").flat_Z().abs().max().item<double>(), 0.0);
  }
}

TEST(AdamWTest, TinyUpdatesOfBfloat16ParametersAreNotLost) {
  const at::Tensor weight = at::ones({40}, at::TensorOptions().dtype(at::kBFloat16));
  FlatParameters flat({whole_parameter("weight", weight, DecayClass::kDecay)});
  AdamW adamw(flat, {.weight_decay = 0.0});
  FlatGroup& group = flat.groups()[0];
  ASSERT_EQ(group.grad.flat_Z().scalar_type(), at::kFloat);
  for (int step = 0; step < 1000; ++step) {
    flat.grad_of(weight).fill_(1.0);
    adamw.step(/*lr=*/1e-5);  // a 400th of the distance between bfloat16 numbers below 1
  }
  // A constant gradient moves a weight by lr each step; the sum of 1000 float32 roundings of half
  // an epsilon each is far below the tolerance.
  const at::Tensor expected = at::full({40}, 0.99, at::TensorOptions().dtype(at::kDouble));
  EXPECT_LT((group.master.view(0).to(at::kDouble) - expected).abs().max().item<double>(), 5e-5);
  expect_bitwise_equal(weight, group.master.view(0).to(at::kBFloat16));
  EXPECT_LT(weight.max().item<double>(), 1.0);
}

TEST(AdamWTest, GapsOfTheBuffersStayZero) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    FlatParameters flat(make_parameters(dtype));
    AdamW adamw(flat, {.weight_decay = 0.3});
    for (int64_t step = 0; step < 3; ++step) {
      set_grads(flat, step);
      adamw.step(/*lr=*/0.1);
    }
    for (size_t i = 0; i < flat.groups().size(); ++i) {
      const FlatGroup& group = flat.groups()[i];
      for (const FlatBuffer* buffer : {&group.value,
                                       &group.master,
                                       &state_of(adamw, i, "exp_avg"),
                                       &state_of(adamw, i, "exp_avg_sq")}) {
        int64_t num_nonzero_inside = 0;
        for (int64_t j = 0; j < buffer->num_tensors(); ++j) {
          num_nonzero_inside += buffer->view(j).ne(0).sum().item<int64_t>();
        }
        EXPECT_EQ(buffer->flat_Z().ne(0).sum().item<int64_t>(), num_nonzero_inside);
        EXPECT_GT(buffer->flat_Z().numel(), num_nonzero_inside);
      }
    }
  }
}

TEST(AdamWTest, GivesTheSameBitsForEveryThreadCount) {
  testing::expect_same_bits_for_every_thread_count([] {
    // Large enough to be cut between threads, at a place that depends on their number.
    FlatParameters flat({whole_parameter(
        "weight", random_tensor({100003}, at::kFloat, "weight"), DecayClass::kDecay)});
    AdamW adamw(flat, {});
    for (int64_t step = 0; step < 2; ++step) {
      set_grads(flat, step);
      adamw.step(/*lr=*/0.01);
    }
    return std::vector<at::Tensor>{flat.groups()[0].value.flat_Z(),
                                   state_of(adamw, 0, "exp_avg").flat_Z(),
                                   state_of(adamw, 0, "exp_avg_sq").flat_Z()};
  });
}

TEST(AdamWTest, ListsEveryFaultOfItsConfig) {
  FlatParameters flat(make_parameters(at::kFloat));
  const AdamWConfig config{.beta1 = 1.0, .beta2 = -0.1, .eps = 0.0, .weight_decay = -1.0};
  for (const char* fault : {"optimizer.beta1 = 1: must be in [0, 1)",
                            "optimizer.beta2 = -0.1: must be in [0, 1)",
                            "optimizer.eps = 0: must be finite and above 0",
                            "optimizer.weight_decay = -1: must be finite and at least 0"}) {
    expect_error<ConfigError>([&] { AdamW adamw(flat, config); }, fault);
  }
  for (const AdamWConfig& one : {AdamWConfig{.beta1 = NAN},
                                 AdamWConfig{.beta2 = NAN},
                                 AdamWConfig{.eps = INFINITY},
                                 AdamWConfig{.weight_decay = NAN}}) {
    expect_error<ConfigError>([&] { one.validate(); }, "must be");
  }
}

}  // namespace
}  // namespace hecaton::optim
