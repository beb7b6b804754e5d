// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/mesh.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

TEST(MeshTest, GroupsFollowFromTheRankForEveryEp) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    for (int ep = 1; ep <= world->size(); ep *= 2) {
      const Mesh mesh(world, ep);
      EXPECT_EQ(&mesh.world(), world.get());
      EXPECT_EQ(mesh.dp().rank(), world->rank());
      EXPECT_EQ(mesh.dp().size(), world->size());
      EXPECT_EQ(mesh.ep().rank(), world->rank() % ep);
      EXPECT_EQ(mesh.ep().size(), ep);
      EXPECT_EQ(mesh.edp().rank(), world->rank() / ep);
      EXPECT_EQ(mesh.edp().size(), world->size() / ep);
      EXPECT_EQ(mesh.dp().axis() + mesh.ep().axis() + mesh.edp().axis(), "dpepedp");
    }
  });
}

TEST(MeshTest, EpJoinsConsecutiveRanksAndEdpThoseWithTheSameEpRank) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const int ep = world->size() == 1 ? 1 : 2;
    const Mesh mesh(world, ep);
    // Each rank adds its own bit: the sum names the members.
    at::Tensor ep_members = at::full({1}, 1 << world->rank(), at::TensorOptions(at::kInt));
    at::Tensor edp_members = ep_members.clone();
    mesh.ep().all_reduce(ep_members);
    mesh.edp().all_reduce(edp_members);

    const int pair = ((1 << ep) - 1) << (world->rank() / ep * ep);
    int column = 0;
    for (int r = world->rank() % ep; r < world->size(); r += ep) {
      column |= 1 << r;
    }
    EXPECT_EQ(ep_members.item<int>(), pair);
    EXPECT_EQ(edp_members.item<int>(), column);
  });
}

TEST(TrapsTest, Trap17RefusesAnEpThatDoesNotDivideTheRanks) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::string size = std::to_string(world->size());
    expect_throw<ConfigError>([&] { Mesh(world, 3); },
                              "parallel.ep = 3: must divide the number of ranks " + size);
    expect_throw<ConfigError>([&] { Mesh(world, 0); }, "parallel.ep = 0: must be at least 1");
    world->barrier();  // no group was begun
  });
}

TEST(MeshTest, DescribesTheLayout) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::string size = std::to_string(world->size());
    EXPECT_EQ(Mesh(world, world->size()).describe(),
              "world " + size + " = dp " + size + " = edp 1 x ep " + size);
  });
}

}  // namespace
}  // namespace hecaton::parallel
