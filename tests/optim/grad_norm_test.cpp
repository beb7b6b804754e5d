// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "optim/grad_norm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "parallel/single.h"
#include "parallel/threads.h"
#include "tests/testing/random_tensor.h"
#include "tests/testing/tensor_compare.h"
#include "tests/testing/thread_count.h"

namespace hecaton::optim {
namespace {

using testing::expect_bitwise_equal;
using testing::random_tensor;

constexpr int64_t kNumExperts = 4;

/// A dense float32 matrix, a float64 norm and the experts [first, first + count) of one tensor,
/// with gradients that depend on the global element alone.
class Model {
 public:
  Model(int64_t first_expert, int64_t num_local_experts)
      : flat_({whole_parameter("matrix", at::zeros({9, 7}), DecayClass::kDecay),
               whole_parameter("norm",
                               at::zeros({5}, at::TensorOptions().dtype(at::kDouble)),
                               DecayClass::kNoDecay),
               experts(num_local_experts)}) {
    for (const FlatGroup& group : flat_.groups()) {
      for (const Parameter& parameter : group.parameters) {
        const bool is_expert = parameter.replicas == ReplicaAxis::kExpert;
        std::vector<int64_t> global_sizes = parameter.tensor.sizes().vec();
        global_sizes[0] = is_expert ? kNumExperts : global_sizes[0];
        const at::Tensor grad = random_tensor(global_sizes, at::kDouble, parameter.name);
        flat_.grad_of(parameter.tensor)
            .copy_(is_expert ? grad.narrow(0, first_expert, num_local_experts) : grad);
      }
    }
  }

  FlatParameters& flat() { return flat_; }

 private:
  static Parameter experts(int64_t num_local_experts) {
    Parameter parameter =
        whole_parameter("experts", at::zeros({num_local_experts, 6, 3}), DecayClass::kDecay);
    parameter.replicas = ReplicaAxis::kExpert;
    return parameter;
  }

  FlatParameters flat_;
};

/// The Euclidean norm of the whole gradient of Model, rounded to float32 where the buffers are.
double expected_norm() {
  double sum = 0.0;
  for (const at::Tensor& grad : {random_tensor({9, 7}, at::kDouble, "matrix").to(at::kFloat),
                                 random_tensor({5}, at::kDouble, "norm"),
                                 random_tensor({4, 6, 3}, at::kDouble, "experts").to(at::kFloat)}) {
    sum += grad.to(at::kDouble).square().sum().item<double>();
  }
  return std::sqrt(sum);
}

TEST(GradNormTest, IsTheEuclideanNormOfEveryGradient) {
  Model model(0, kNumExperts);
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  EXPECT_NEAR(global_grad_norm(model.flat(), mesh), expected_norm(), 1e-14 * expected_norm());
}

TEST(TrapsTest, Trap08TheNormCountsEachParameterOnceInEveryLayout) {
  for (const int num_ranks : {1, 2, 4}) {
    for (int ep = 1; ep <= std::min(num_ranks, 2); ++ep) {
      SCOPED_TRACE(std::to_string(num_ranks) + " ranks, ep " + std::to_string(ep));
      std::mutex mutex;
      std::set<double> norms;
      parallel::run_ranks(num_ranks, [&](const std::shared_ptr<parallel::Communicator>& world) {
        parallel::Mesh mesh(world, ep);
        const int64_t num_local_experts = kNumExperts / ep;
        Model model(mesh.ep().rank() * num_local_experts, num_local_experts);
        const double norm = global_grad_norm(model.flat(), mesh);
        const std::lock_guard<std::mutex> lock(mutex);
        norms.insert(norm);
      });
      ASSERT_EQ(norms.size(), 1U) << "every rank must get the same bits";
      EXPECT_NEAR(*norms.begin(), expected_norm(), 1e-14 * expected_norm());
    }
  }
}

TEST(GradNormTest, GivesTheSameBitsForEveryThreadCount) {
  FlatParameters flat({whole_parameter("weight", at::zeros({5 * 16384 + 3}), DecayClass::kDecay)});
  flat.groups()[0].grad.view(0).copy_(random_tensor({5 * 16384 + 3}, at::kFloat, "grad"));
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  testing::expect_same_bits_for_every_thread_count([&] {
    return std::vector<at::Tensor>{
        at::full({1}, global_grad_norm(flat, mesh), at::TensorOptions().dtype(at::kDouble))};
  });
}

TEST(GradNormTest, DoesNotOverflowWhereFloat32Would) {
  FlatParameters flat({whole_parameter("weight", at::zeros({2}), DecayClass::kDecay)});
  flat.groups()[0].grad.view(0).fill_(1e30);  // its square is beyond float32
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  EXPECT_NEAR(global_grad_norm(flat, mesh), 1e30 * std::sqrt(2.0), 1e23);
}

TEST(GradNormTest, HandsANonFiniteGradientOn) {
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Model model(0, kNumExperts);
    model.flat().groups()[0].grad.view(0).view({-1})[3] = value;
    EXPECT_FALSE(std::isfinite(global_grad_norm(model.flat(), mesh)));
  }
}

/// The gradients of the model after clipping with these arguments, over those before.
void expect_clipped_by(double norm, double max_norm, double factor) {
  Model model(0, kNumExperts);
  std::vector<at::Tensor> before;
  for (const FlatGroup& group : model.flat().groups()) {
    before.push_back(group.grad.flat_Z().clone());
  }
  clip_gradients(model.flat(), norm, max_norm);
  for (size_t i = 0; i < before.size(); ++i) {
    expect_bitwise_equal(model.flat().groups()[i].grad.flat_Z(),
                         factor == 1.0 ? before[i] : before[i] * factor);
  }
}

TEST(ClipGradientsTest, ScalesALargerNormDownToTheThreshold) {
  expect_clipped_by(/*norm=*/8.0, /*max_norm=*/2.0, /*factor=*/0.25);
  Model model(0, kNumExperts);
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  clip_gradients(model.flat(), global_grad_norm(model.flat(), mesh), 0.5);
  EXPECT_NEAR(global_grad_norm(model.flat(), mesh), 0.5, 1e-6);
}

TEST(ClipGradientsTest, LeavesASmallerOrEqualNormAlone) {
  expect_clipped_by(/*norm=*/1.9, /*max_norm=*/2.0, /*factor=*/1.0);
  expect_clipped_by(/*norm=*/2.0, /*max_norm=*/2.0, /*factor=*/1.0);
  expect_clipped_by(/*norm=*/0.0, /*max_norm=*/2.0, /*factor=*/1.0);
}

TEST(ClipGradientsTest, LeavesANormThatIsNoNumberAlone) {
  expect_clipped_by(std::numeric_limits<double>::quiet_NaN(), /*max_norm=*/2.0, /*factor=*/1.0);
}

}  // namespace
}  // namespace hecaton::optim
