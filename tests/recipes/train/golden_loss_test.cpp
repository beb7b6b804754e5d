// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The losses of ten steps on a fixed text, as they were when they were last agreed on.

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/golden.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

/// Trains with the overrides and compares with, or rewrites, a file of tests/golden.
void expect_agreed_losses(const std::string& name, const std::vector<std::string>& overrides) {
  const std::string golden = testing::source_dir() + "/tests/golden/" + name;
  const testing::TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training(folder / "run", overrides)).exit_code, 0);
  const std::vector<double> losses = read_metric(folder / "run/metrics/train.jsonl", "loss");
  std::ostringstream text;
  text.precision(17);
  for (const double loss : losses) {
    text << loss << "\n";
  }
  if (testing::rewrites_golden(golden, text.str())) {
    return;
  }
  std::ifstream file(golden);
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

TEST(GoldenLossTest, TenStepsInDoublePrecisionAreAsAgreed) {
  expect_agreed_losses("ten_steps_cpu_float64.txt", {});
}

TEST(GoldenLossTest, TenStepsOfMuonAreAsAgreed) {
  expect_agreed_losses("ten_steps_muon_cpu_float64.txt", {"optimizer.type=muon"});
}

}  // namespace
}  // namespace hecaton::recipes
