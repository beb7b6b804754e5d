// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/training_engine.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/threads.h"
#include "recipes/train/layout_job.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

TEST(TrainingEngineTest, RefusesAxesThatItDoesNotSplit) {
  parallel::run_ranks(2, [](std::shared_ptr<parallel::Communicator> world) {
    const auto refused = [&world](const parallel::MeshShape& shape, const std::string& text) {
      parallel::Mesh mesh(world, shape);
      testing::expect_error<ConfigError>(
          [&mesh] { TrainingEngine(tiny_decoder(), {}, /*seed=*/1, mesh); }, text);
    };
    refused({.tp = 2}, "parallel.tp = 2: must be 1: it is not built yet");
    refused({.cp = 2}, "parallel.cp = 2: must be 1: it is not built yet");
  });
}

}  // namespace
}  // namespace hecaton::recipes
