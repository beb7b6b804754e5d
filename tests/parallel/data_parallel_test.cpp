// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/data_parallel.h"

#include <limits>
#include <memory>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

const auto kFloat = at::TensorOptions().dtype(at::kFloat);

/// A dense and an expert parameter.
std::vector<Parameter> two_parameters() {
  Parameter dense =
      whole_parameter("dense", at::zeros({3}, kFloat).requires_grad_(), DecayClass::kDecay);
  Parameter expert =
      whole_parameter("expert", at::zeros({5}, kFloat).requires_grad_(), DecayClass::kDecay);
  expert.replicas = ReplicaAxis::kExpert;
  return {dense, expert};
}

TEST(TrapsTest, Trap11EachGradientIsSummedOverTheHoldersOfItsParameter) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    for (int64_t ep = 1; ep <= world->size(); ep *= 2) {
      Mesh mesh(world, ep);
      const std::vector<Parameter> parameters = two_parameters();
      FlatParameters flat(parameters);
      for (const Parameter& parameter : parameters) {
        flat.grad_of(parameter.tensor).fill_(static_cast<double>(world->rank() + 1));
      }
      reduce_gradients(flat, mesh);
      // 1 + 2 + ... over all ranks; over the ranks r, r + ep, r + 2 ep, ... for experts.
      const int64_t size = world->size();
      const int64_t world_sum = size * (size + 1) / 2;
      int64_t expert_sum = 0;
      for (int64_t rank = world->rank() % ep; rank < size; rank += ep) {
        expert_sum += rank + 1;
      }
      EXPECT_TRUE(at::equal(flat.grad_of(parameters[0].tensor),
                            at::full({3}, static_cast<double>(world_sum), kFloat)));
      EXPECT_TRUE(at::equal(flat.grad_of(parameters[1].tensor),
                            at::full({5}, static_cast<double>(expert_sum), kFloat)));
    }
  });
}

TEST(DataParallelTest, ShardedSumsAndUpdatesAreThoseOfWholeOnes) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    for (int64_t ep = 1; ep <= world->size(); ep *= 2) {
      Mesh mesh(world, ep);
      const auto reduced = [&](const OptimizerShards& shards) {
        const std::vector<Parameter> parameters = two_parameters();
        auto flat = std::make_unique<FlatParameters>(parameters, shards);
        for (const Parameter& parameter : parameters) {
          const double n = static_cast<double>(parameter.tensor.numel());
          flat->grad_of(parameter.tensor)
              .copy_(at::arange(n, kFloat) + static_cast<double>(world->rank()));
        }
        reduce_gradients(*flat, mesh);
        return flat;
      };
      const auto whole = reduced({});
      const auto sharded = reduced(shards_on(mesh));
      ASSERT_EQ(whole->groups().size(), sharded->groups().size());
      for (size_t i = 0; i < whole->groups().size(); ++i) {
        const FlatGroup& group = sharded->groups()[i];
        const FlatBuffer sum = gathered(group, group.reduced_grad, mesh);
        group.master.flat_Z().copy_(group.reduced_grad.flat_Z());  // an update of this rank's part
        const at::Tensor expected = whole->groups()[i].grad.view(0);
        EXPECT_TRUE(at::equal(sum.view(0), expected));
      }
      gather_parameters(*sharded, mesh);
      for (size_t i = 0; i < whole->groups().size(); ++i) {
        EXPECT_TRUE(
            at::equal(sharded->groups()[i].parameters[0].tensor, whole->groups()[i].grad.view(0)));
      }
    }
  });
}

TEST(DataParallelTest, ReplicasAgreeUntilOneDiffers) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    Mesh mesh(world, /*ep=*/1);
    std::vector<Parameter> parameters = two_parameters();
    const FlatParameters flat(parameters);
    EXPECT_TRUE(replicas_agree(flat, mesh));
    if (world->rank() == world->size() - 1) {
      parameters[0].tensor.data().fill_(1.0);
    }
    EXPECT_EQ(replicas_agree(flat, mesh), world->size() == 1);
  });
}

TEST(DataParallelTest, ReplicasAgreeInBitsNotInValues) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    Mesh mesh(world, /*ep=*/1);
    std::vector<Parameter> parameters = two_parameters();
    const FlatParameters flat(parameters);
    parameters[0].tensor.data().fill_(std::numeric_limits<double>::quiet_NaN());
    EXPECT_TRUE(replicas_agree(flat, mesh));  // though no NaN equals another
    if (world->rank() == world->size() - 1) {
      parameters[1].tensor.data().fill_(-0.0);
    }
    EXPECT_EQ(replicas_agree(flat, mesh), world->size() == 1);  // though -0 equals 0
  });
}

}  // namespace
}  // namespace hecaton::parallel
