// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The losses of ten steps on a fixed text, as they were when they were last agreed on.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

const std::string kGolden = testing::source_dir() + "/tests/golden/ten_steps_cpu_float64.txt";

TEST(GoldenLossTest, TenStepsInDoublePrecisionAreAsAgreed) {
  const testing::TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training(folder / "run")).exit_code, 0);
  const std::vector<double> losses = read_metric(folder / "run/metrics/train.jsonl", "loss");
  if (std::getenv("HECATON_UPDATE_GOLDEN") != nullptr) {
    std::ofstream file(kGolden);
    file.precision(17);
    for (const double loss : losses) {
      file << loss << "\n";
    }
  }
  std::ifstream file(kGolden);
  std::vector<double> agreed;
  for (double loss = 0.0; file >> loss;) {
    agreed.push_back(loss);
  }
  ASSERT_EQ(agreed.size(), 10U);
  ASSERT_EQ(losses.size(), 10U);
  for (size_t i = 0; i < agreed.size(); ++i) {
    EXPECT_NEAR(losses[i], agreed[i], 1e-9 * agreed[i]) << "step " << i + 1;
  }
}

}  // namespace
}  // namespace hecaton::recipes
