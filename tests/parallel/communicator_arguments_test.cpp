// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// What a Communicator refuses before anything is sent.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/communicator.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

/// Of a tensor that `world` can carry.
at::TensorOptions options(const Communicator& world, at::ScalarType dtype) {
  return at::TensorOptions(dtype).device(world.device());
}

TEST(CommunicatorArgumentsTest, RefusesTensorsThatDoNotFit) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const at::TensorOptions f32 = options(*world, at::kFloat);
    const int64_t P = world->size();
    const at::Tensor block = at::zeros({2}, f32);
    const at::Tensor whole = at::zeros({2 * P}, f32);
    const auto expect_refused = [](const auto& statement, const std::string& text) {
      expect_throw<ShapeError>(statement, "world: " + text);
    };
    expect_refused([&] { world->all_reduce(at::Tensor()); },
                   "all_reduce: tensor must be a tensor: found none");
    expect_refused(
        [&] {
          world->all_reduce(at::zeros({2, 3}, f32).t());
        },
        "all_reduce: tensor must be contiguous");
    expect_refused([&] { world->all_reduce(block.to(at::kShort)); },
                   "all_reduce: tensor must be bool, uint8, int32, int64, float32, float64, "
                   "bfloat16 or float16: found Short");
    const std::string device = world->device().is_cpu() ? "the CPU" : world->device().str();
    expect_refused([&] { world->all_reduce(block.to(at::kMeta)); },
                   "all_reduce: tensor must be on " + device + ": found meta");
    expect_refused([&] { world->all_reduce(block.to(at::kBool)); },
                   "all_reduce: op must be max or min on Bool: found sum");
    expect_refused([&] { world->reduce_scatter(whole.to(at::kBool), block.to(at::kBool)); },
                   "reduce_scatter: op must be max or min on Bool: found sum");
    expect_refused([&] { world->reduce_scatter(whole, block.to(at::kDouble)); },
                   "reduce_scatter: output must have the dtype of input, Float: found Double");
    expect_refused(
        [&] {
          world->reduce_scatter(whole.view({P, 2}), block);
        },
        "reduce_scatter: input must have one dim: found 2");
    expect_refused([&] { world->reduce_scatter(at::zeros({2 * P + 1}, f32), block); },
                   "reduce_scatter: input must have " + std::to_string(2 * P) +
                       " elements: found " + std::to_string(2 * P + 1));
    expect_refused([&] { world->all_gather(block, at::zeros({2 * P - 1}, f32)); },
                   "all_gather: output must have " + std::to_string(2 * P) + " elements: found " +
                       std::to_string(2 * P - 1));
    world->barrier();  // nothing was sent
  });
}

TEST(CommunicatorArgumentsTest, RefusesCountsThatDoNotFit) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const auto P = static_cast<size_t>(world->size());
    const at::Tensor tensor = at::zeros({world->size()}, options(*world, at::kFloat));
    const auto expect_refused = [&](const std::vector<int64_t>& sends,
                                    const std::vector<int64_t>& receives,
                                    const std::string& text) {
      expect_throw<ShapeError>(
          [&] { world->all_to_all_v(tensor, at::zeros_like(tensor), sends, receives); },
          "world: all_to_all_v: " + text);
    };
    const std::vector<int64_t> ones(P, 1);
    const std::string elements = std::to_string(P) + " elements of ";
    expect_refused(
        std::vector<int64_t>(P + 1, 0), ones, "send_counts must have one count for each");
    expect_refused(std::vector<int64_t>(P, -1), ones, "send_counts must not be negative: found -1");
    expect_refused(
        std::vector<int64_t>(P, 0), ones, "send_counts must sum to the " + elements + "input");
    expect_refused(
        ones, std::vector<int64_t>(P, 2), "recv_counts must sum to the " + elements + "output");
    // Sums that leave 63 bits.
    expect_refused(std::vector<int64_t>(P, INT64_MAX), ones, "send_counts must sum to");
    if (P > 1) {
      std::vector<int64_t> all_to_self(P, 0);
      all_to_self[static_cast<size_t>(world->rank())] = world->size();
      expect_refused(ones, all_to_self, "recv_counts must be equal to send_counts for this rank");
    }
  });
}

TEST(CommunicatorArgumentsTest, RefusesRanksOutsideTheGroup) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const at::Tensor tensor = at::zeros({1}, options(*world, at::kFloat));
    const std::string last = std::to_string(world->size() - 1);
    const std::string size = std::to_string(world->size());
    expect_throw<ShapeError>(
        [&] { world->broadcast(tensor, -1); },
        "broadcast: root must be a rank of the group, 0 to " + last + ": found -1");
    expect_throw<ShapeError>(
        [&] { world->send(tensor, world->size()); },
        "send: destination must be a rank of the group, 0 to " + last + ": found " + size);
    expect_throw<ShapeError>(
        [&] { world->recv(tensor, world->rank()); },
        "recv: source must be another rank: found " + std::to_string(world->rank()));
  });
}

TEST(CommunicatorArgumentsTest, SplitRefusesANegativeColor) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    expect_throw<ConfigError>([&] { world->split(-1, "ep"); },
                              "world: split: color must be at least 0: found -1");
  });
}

}  // namespace
}  // namespace hecaton::parallel
