// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// `train --dry-run` as a user runs it.

#include "recipes/cli/dry_run.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::TemporaryFolder;
using testing::write_bytes;

ProgramResult run_dry(const std::string& output_dir, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = tiny_training(output_dir, more);
  arguments.emplace_back("--dry-run");
  return run_program(arguments);
}

/// The words of the line that begins with `name`, behind it.
std::string row(const ProgramResult& result, const std::string& name) {
  const size_t begin = result.output.find("\n  " + name + " ");
  if (begin == std::string::npos) {
    return "no row " + name + " in " + result.output;
  }
  const size_t value = result.output.find_first_not_of(' ', begin + 3 + name.size());
  return result.output.substr(value, result.output.find('\n', value) - value);
}

TEST(DryRunTest, TellsWhatTheRunWouldBeAndWritesNothing) {
  const TemporaryFolder folder;
  const ProgramResult result = run_dry(folder / "run");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  // Of two layers with 4 experts of three 16 x 16 matrices, 2 are active.
  EXPECT_EQ(row(result, "routed experts"), "24              6,144              3,072     48.0 KiB");
  EXPECT_EQ(row(result, "ranks"), "dp 1 = ep 1 x edp 1");
  EXPECT_EQ(row(result, "experts per rank and layer"), "4");
  EXPECT_EQ(row(result, "tokens per step"), "128");
  EXPECT_EQ(row(result, "float32 masters"), "0.0 KiB");
  EXPECT_EQ(row(result, "validation"), "tokens 184, documents 1, sequences 6");
  EXPECT_EQ(row(result, "step 1"), "0.0025");
  EXPECT_EQ(row(result, "step 2"), "0.005");
  EXPECT_EQ(row(result, "step 10"), "0.0005");
  EXPECT_NE(result.output.find("first batch of rank 0"), std::string::npos) << result.output;
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(DryRunTest, KnowsTheLayoutOfMoreRanksWithoutStartingThem) {
  const TemporaryFolder folder;
  const ProgramResult result = run_dry(folder / "run", {"parallel.ep=2", "--ranks", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(row(result, "ranks"), "dp 4 = ep 2 x edp 2");
  EXPECT_EQ(row(result, "experts per rank and layer"), "2");
  EXPECT_EQ(row(result, "sequences per rank and pass"), "1");
  EXPECT_EQ(row(result, "tokens per rank and step"), "32");
}

TEST(DryRunTest, ExitsAsTheRunWould) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_dry(folder / "run", {"parallel.ep=2"}).exit_code, 2);
  EXPECT_EQ(run_dry(folder / "run", {"--ranks", "3"}).exit_code, 2);
  EXPECT_EQ(run_dry(folder / "run", {"moe.num_experts=1"}).exit_code, 2);
  EXPECT_EQ(run_dry(folder / "run", {"dataset.train.0.path=/nowhere"}).exit_code, 3);
  write_bytes(folder / "file", "");
  const ProgramResult blocked = run_dry(folder / "file/run");
  EXPECT_EQ(blocked.exit_code, 7);
  EXPECT_NE(blocked.errors.find((folder / "file") + " is no folder"), std::string::npos)
      << blocked.errors;
  EXPECT_EQ(blocked.output, "");
  write_bytes(folder / "full/file", "");
  const ProgramResult full = run_dry(folder / "full");
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_NE(full.errors.find("is not empty"), std::string::npos) << full.errors;
  EXPECT_EQ(run_dry(folder / "run", {"recipe=sft", "model.base_model=/nowhere"}).exit_code, 4);
}

TEST(DryRunTest, ExitsAsARunThatGoesOnWould) {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  ASSERT_EQ(run_program(tiny_training(run, {"training.max_steps=1"})).exit_code, 0);
  const ProgramResult same = run_dry(run);
  EXPECT_EQ(same.exit_code, 0) << same.errors;
  EXPECT_NE(same.output.find("\ngoing on from " + run + "/step-0000001\n"), std::string::npos)
      << same.output;
  EXPECT_EQ(run_dry(run, {"checkpoint.resume=null"}).exit_code, 2);
  const ProgramResult other_seed = run_dry(run, {"seed=99"});
  EXPECT_EQ(other_seed.exit_code, 2);
  EXPECT_NE(other_seed.errors.find("seed was 7 and is 99"), std::string::npos) << other_seed.errors;
  EXPECT_EQ(run_dry(run, {"model.arch.hidden_size=32"}).exit_code, 4);
  EXPECT_EQ(run_dry(folder / "new", {"checkpoint.resume=/nonexistent"}).exit_code, 4);
  write_bytes(run + "/step-0000001/rank-00000.safetensors", "");
  EXPECT_EQ(run_dry(run).exit_code, 4);
}

TEST(DryRunTest, RanksAreOfADryRunAlone) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(tiny_training(folder / "run", {"--ranks", "2"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.errors.find("--ranks requires --dry-run"), std::string::npos) << result.errors;
}

}  // namespace
}  // namespace hecaton::recipes
