// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/flight_recorder.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "parallel/mesh.h"
#include "tests/parallel/worlds.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::parallel {
namespace {

/// What a collective sent since `before`.
AxisTraffic since(const AxisTraffic& before, const Communicator& group) {
  AxisTraffic now = group.recorder().traffic()[group.axis()];
  now.num_collectives -= before.num_collectives;
  now.num_messages -= before.num_messages;
  now.num_bytes -= before.num_bytes;
  now.flight_s -= before.flight_s;
  now.exposed_s -= before.exposed_s;
  return now;
}

TEST(FlightRecorderTest, CountsTheMessagesAndBytesThatLeave) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const auto group = world->split(0, "group");
    const int64_t P = group->size();
    const auto expect_sent = [&](int64_t num_bytes, const auto& collective) {
      const AxisTraffic before = group->recorder().traffic()["group"];
      collective();
      const AxisTraffic sent = since(before, *group);
      EXPECT_EQ(sent.num_collectives, 1);
      EXPECT_EQ(sent.num_messages, P - 1);
      EXPECT_EQ(sent.num_bytes, num_bytes);
    };
    expect_sent(32 * (P - 1), [&] { group->all_reduce(at::ones({8})); });
    expect_sent(48 * (P - 1), [&] {
      group->reduce_scatter(at::ones({6 * P}, at::kDouble), at::zeros({6}, at::kDouble));
    });
    expect_sent(20 * (P - 1), [&] { group->all_gather(at::ones({5}), at::zeros({5 * P})); });
    // Rank r sends r + 1 elements to everyone.
    const int64_t count = group->rank() + 1;
    std::vector<int64_t> received;
    int64_t num_received = 0;
    for (int64_t rank = 0; rank < P; ++rank) {
      received.push_back(rank + 1);
      num_received += rank + 1;
    }
    expect_sent(count * 4 * (P - 1), [&] {
      group->all_to_all_v(at::ones({count * P}),
                          at::zeros({num_received}),
                          std::vector<int64_t>(static_cast<size_t>(P), count),
                          received);
    });
  });
}

TEST(TrapsTest, Trap17EveryRankIssuesTheSameSequenceOverAllAxes) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    const Mesh mesh(world, world->size() > 1 ? 2 : 1);
    mesh.dp().all_reduce(at::ones({4}));
    mesh.ep().barrier();
    Handle pending = mesh.edp().all_reduce_async(at::ones({0}), ReduceOp::kMax);
    mesh.ep().all_gather(at::ones({2}), at::zeros({int64_t{2} * mesh.ep().size()}));
    pending.wait();
    std::string own;
    for (const std::string& collective : world->recorder().sequence()) {
      own += collective + "\n";
    }
    EXPECT_NE(own.find("dp all_reduce (sum of 4 Float)\nep barrier\nedp all_reduce (max of 0 "
                       "Float)\nep all_gather (2 Float)\n"),
              std::string::npos)
        << own;
    for (const std::string& text : world->all_gather_texts(own)) {
      EXPECT_EQ(text, own);
    }
  });
}

TEST(FlightRecorderTest, KnowsHowLongARankWaited) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    if (world->size() == 1) {
      return;
    }
    const auto group = world->split(0, "group");
    group->barrier();
    const AxisTraffic before = group->recorder().traffic()["group"];
    if (group->rank() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    group->all_reduce(at::ones({1}));
    const AxisTraffic traffic = since(before, *group);
    EXPECT_GE(traffic.flight_s, 0.0);
    EXPECT_LE(traffic.exposed_s, traffic.flight_s + 0.05);
    if (group->rank() != 0) {
      EXPECT_GE(traffic.exposed_s, 0.05);
      EXPECT_GE(traffic.flight_s, 0.05);
    }
  });
}

TEST(FlightRecorderTest, KeepsTheLastCollectivesAndCountsAll) {
  FlightRecorder recorder;
  EXPECT_EQ(recorder.last_text(), "no collective");
  constexpr int64_t kNum = 3000;
  for (int64_t i = 0; i < kNum; ++i) {
    recorder.set_step(i / 1000);
    recorder
        .begin({.axis = "dp",
                .operation = "all_reduce",
                .content = "sum of " + std::to_string(i) + " Float",
                .site = {"folder/engine.cpp", 7}})
        ->finish();
  }
  EXPECT_EQ(recorder.traffic()["dp"].num_collectives, kNum);
  const std::vector<std::string> kept = recorder.sequence();
  EXPECT_EQ(kept.size(), FlightRecorder::kMaxFlights);
  EXPECT_EQ(kept.back(), "dp all_reduce (sum of 2999 Float)");
  EXPECT_EQ(recorder.last_text(),
            "all_reduce (sum of 2999 Float) over dp at engine.cpp:7 in step 3");
}

TEST(FlightRecorderTest, WritesATable) {
  FlightRecorder recorder;
  EXPECT_FALSE(recorder.write());  // nobody said where
  recorder.begin({.axis = "dp", .operation = "barrier", .content = "", .site = {"engine.cpp", 7}})
      ->finish();
  const auto pending = recorder.begin(
      {.axis = "ep", .operation = "all_to_all_v", .content = "Float", .site = {"layer.cpp", 9}});
  pending->add_sends(3, 1200);
  const testing::TemporaryFolder folder;
  const std::string path = folder / "collectives.txt";
  recorder.set_path(path);
  EXPECT_TRUE(recorder.write());
  const std::string text = testing::read_bytes(path);
  EXPECT_EQ(text, recorder.text());
  EXPECT_NE(text.find("number     issued ms      ended ms     waited ms      sent bytes  axis"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("under way         0.000            1200  ep     all_to_all_v (Float) at "
                      "layer.cpp:9\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace hecaton::parallel
