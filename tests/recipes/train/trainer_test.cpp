// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/trainer.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "moe/moe_layer.h"
#include "moe/registry.h"
#include "moe/top_k_router.h"
#include "parallel/single.h"
#include "recipes/config/recipe_io.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

TEST(TrainerTest, KeepsARequestThatComesBeforeTheFirstStep) {
  moe::register_router("signalling", [](const moe::MoeLayerConfig& layer, OptionReader&) {
    return [&layer] {
      std::raise(SIGUSR1);  // while the model is made
      return moe::TopKRouter(layer.hidden_size, layer.router, layer.dtype).ptr();
    };
  });
  const std::string data = testing::source_dir() + "/tests/data";
  setenv("HECATON_TEST_DATA", data.c_str(), 1);
  const testing::TemporaryFolder folder;
  parallel::Mesh mesh(parallel::make_single(), /*ep=*/1);
  Trainer trainer(load_recipe(data + "/tiny.yaml",
                              {"output_dir=" + (folder / "run"), "moe.router.type=signalling"}),
                  mesh);
  EXPECT_EQ(trainer.run(), RunOutcome::kStopped);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/step-0000001"));
}

}  // namespace
}  // namespace hecaton::recipes
