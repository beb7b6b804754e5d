// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/mesh.h"

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/threads.h"
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

/// "0246 1357": the groups of an axis, of up to ten ranks, in the order of their first ranks.
std::string groups_of(int num_ranks, const MeshShape& shape, Communicator& (Mesh::*axis)() const) {
  std::set<std::string> groups;
  std::mutex mutex;
  run_ranks(num_ranks, [&](const std::shared_ptr<Communicator>& world) {
    const Mesh mesh(world, shape);
    std::string members;
    for (const std::string& rank : (mesh.*axis)().all_gather_texts(std::to_string(world->rank()))) {
      members += rank;
    }
    const std::lock_guard<std::mutex> lock(mutex);
    groups.insert(members);
  });
  std::string text;
  for (const std::string& group : groups) {
    text += (text.empty() ? "" : " ") + group;
  }
  return text;
}

// The tables of Liu et al. 2025, arXiv 2504.14960, by the rule of Megatron Core.
TEST(MeshTest, FoldsAttentionAndExpertsAsPublished) {
  const MeshShape tp2_ep4{.ep = 4, .tp = 2};
  EXPECT_EQ(groups_of(4, tp2_ep4, &Mesh::tp), "01 23");
  EXPECT_EQ(groups_of(4, tp2_ep4, &Mesh::dp), "02 13");
  EXPECT_EQ(groups_of(4, tp2_ep4, &Mesh::dp_cp), "02 13");
  EXPECT_EQ(groups_of(4, tp2_ep4, &Mesh::ep), "0123");
  EXPECT_EQ(groups_of(4, tp2_ep4, &Mesh::edp), "0 1 2 3");

  const MeshShape cp2_ep2{.ep = 2, .cp = 2};
  EXPECT_EQ(groups_of(4, cp2_ep2, &Mesh::tp), "0 1 2 3");
  EXPECT_EQ(groups_of(4, cp2_ep2, &Mesh::cp), "01 23");
  EXPECT_EQ(groups_of(4, cp2_ep2, &Mesh::dp), "02 13");
  EXPECT_EQ(groups_of(4, cp2_ep2, &Mesh::dp_cp), "0123");
  EXPECT_EQ(groups_of(4, cp2_ep2, &Mesh::ep), "01 23");
  EXPECT_EQ(groups_of(4, cp2_ep2, &Mesh::edp), "02 13");

  const MeshShape tp2_cp2_ep4{.ep = 4, .tp = 2, .cp = 2};
  EXPECT_EQ(groups_of(8, tp2_cp2_ep4, &Mesh::tp), "01 23 45 67");
  EXPECT_EQ(groups_of(8, tp2_cp2_ep4, &Mesh::cp), "02 13 46 57");
  EXPECT_EQ(groups_of(8, tp2_cp2_ep4, &Mesh::dp), "04 15 26 37");
  EXPECT_EQ(groups_of(8, tp2_cp2_ep4, &Mesh::dp_cp), "0246 1357");
  EXPECT_EQ(groups_of(8, tp2_cp2_ep4, &Mesh::ep), "0123 4567");
  EXPECT_EQ(groups_of(8, tp2_cp2_ep4, &Mesh::edp), "04 15 26 37");
}

TEST(TrapsTest, Trap17RefusesAnEpThatDoesNotDivideTheRanks) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::string size = std::to_string(world->size());
    expect_throw<ConfigError>([&] { Mesh(world, 3); },
                              "parallel.ep = 3: must divide the number of ranks " + size);
    expect_throw<ConfigError>([&] { Mesh(world, 0); }, "parallel.ep = 0: must be at least 1");
    expect_throw<ConfigError>([&] { Mesh(world, {.ep = 3, .tp = 5, .cp = 0}); },
                              "parallel.cp = 0: must be at least 1\n"
                              "parallel.ep = 3: must divide the number of ranks " +
                                  size + "\nparallel.tp = 5: must divide the number of ranks " +
                                  size);
    expect_throw<ConfigError>(
        [&] { Mesh(world, {.tp = world->size(), .cp = 2}); },
        "parallel.cp = 2: must divide the number of ranks " + size + " over tp " + size);
    world->barrier();  // no group was begun
  });
}

TEST(MeshTest, DescribesTheLayout) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const std::string size = std::to_string(world->size());
    EXPECT_EQ(Mesh(world, world->size()).describe(),
              "world " + size + " = dp " + size + " = edp 1 x ep " + size);
    EXPECT_EQ(Mesh(world, {.tp = world->size()}).describe(),
              "world " + size + " = dp 1" + (size == "1" ? "" : " x tp " + size) + " = edp " +
                  size + " x ep 1");
  });
}

}  // namespace
}  // namespace hecaton::parallel
