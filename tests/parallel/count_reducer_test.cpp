// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/count_reducer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/parallel/worlds.h"

namespace hecaton::parallel {
namespace {

TEST(AxisCountReducerTest, SumsOverAllRanksAndScansTheLowerOnes) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AxisCountReducer counts(world);
    const int64_t rank = world->rank();
    const int64_t size = world->size();
    const at::Tensor base = at::arange(6, at::TensorOptions(at::kLong)).view({2, 3});
    const at::Tensor own = base * (rank + 1);
    EXPECT_TRUE(counts.sum(own).equal(base * (size * (size + 1) / 2)));
    EXPECT_TRUE(counts.exclusive_scan(own).equal(base * (rank * (rank + 1) / 2)));
    EXPECT_TRUE(own.equal(base * (rank + 1))) << "the input has changed";
  });
}

TEST(AxisCountReducerTest, TakesAnyLayoutOfCounts) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AxisCountReducer counts(world);
    const at::Tensor transposed = at::arange(6, at::TensorOptions(at::kLong)).view({2, 3}).t();
    EXPECT_TRUE(counts.sum(transposed).equal(transposed * world->size()));
    EXPECT_TRUE(counts.exclusive_scan(transposed).equal(transposed * world->rank()));
  });
}

TEST(AxisCountReducerTest, RefusesWhatIsNoCount) {
  on_each_world([](const std::shared_ptr<Communicator>& world) {
    AxisCountReducer counts(world);
    const at::Tensor floats = at::arange(6, at::TensorOptions(at::kFloat));
    expect_throw<ShapeError>([&] { counts.sum(floats); }, "counts_E has the wrong dtype");
    expect_throw<ShapeError>([&] { counts.exclusive_scan(floats); },
                             "counts_E has the wrong dtype");
  });
}

}  // namespace
}  // namespace hecaton::parallel
