// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// `diff` and `convert` as a user runs them.

#include "recipes/cli/model_commands.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/recipes/cli/program.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::TemporaryFolder;

/// Two runs of other seeds, made once for all cases.
const std::string& runs() {
  static const TemporaryFolder kFolder;
  static const std::string kPath = [] {
    for (const char* seed : {"1", "2"}) {
      const ProgramResult result = run_program(tiny_training(
          kFolder / seed,
          {std::string("seed=") + seed, "training.max_steps=1", "~dataset.validation"}));
      EXPECT_EQ(result.exit_code, 0) << result.errors;
    }
    return kFolder.path();
  }();
  return kPath;
}

void expect_line(const ProgramResult& result, const std::string& line) {
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(("\n" + result.output).find("\n" + line + "\n"), std::string::npos) << result.output;
}

std::string last_line(const ProgramResult& result) {
  const size_t end = result.output.size() - 1;
  return result.output.substr(result.output.rfind('\n', end - 1) + 1,
                              end - result.output.rfind('\n', end - 1) - 1);
}

TEST(ModelCommandsTest, DiffNamesKeysAndTensorsThatDiffer) {
  const ProgramResult result = run_program({"diff", runs() + "/1", runs() + "/2"});
  expect_line(result, "  seed: 1 -> 2");
  EXPECT_EQ(last_line(result), "different");
  EXPECT_NE(result.output.find("8 of 8 "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find(" model.layers.*.mlp.experts.*.up_proj.weight\n"), std::string::npos)
      << result.output;
}

TEST(ModelCommandsTest, ARunEqualsItsRepetitionElsewhere) {
  const TemporaryFolder folder;
  std::filesystem::copy(runs() + "/1", folder / "copy", std::filesystem::copy_options::recursive);
  const std::string recipe = folder / "copy/step-0000001/config.yaml";
  std::string text = testing::read_bytes(recipe);
  text.replace(text.find(runs() + "/1"), runs().size() + 2, folder.path());
  testing::write_bytes(recipe, text);
  const ProgramResult result = run_program({"diff", runs() + "/1", folder / "copy"});
  EXPECT_EQ(last_line(result), "equal");
  EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 2) << result.output;
}

TEST(ModelCommandsTest, ConvertsToShardsThatEvaluateAndInspectRead) {
  const TemporaryFolder folder;
  const ProgramResult converted =
      run_program({"convert", runs() + "/1", folder / "out", "--max-shard-size", "20KB"});
  EXPECT_EQ(converted.exit_code, 0) << converted.errors;
  EXPECT_TRUE(std::filesystem::exists(folder / "out/model.safetensors.index.json"));
  const ProgramResult result =
      run_program({"diff", runs() + "/1/step-0000001/model", folder / "out"});
  EXPECT_EQ(last_line(result), "equal") << result.output << result.errors;
  EXPECT_EQ(run_program({"inspect", folder / "out"}).exit_code, 0);
  const std::string text = testing::source_dir() + "/tests/data/text";
  const ProgramResult whole =
      run_program({"eval", runs() + "/1/step-0000001/model", "--data", text});
  EXPECT_EQ(whole.exit_code, 0) << whole.errors;
  EXPECT_EQ(run_program({"eval", folder / "out", "--data", text}).output, whole.output);
}

TEST(ModelCommandsTest, ConvertRefusesToOverwrite) {
  const ProgramResult result = run_program({"convert", runs() + "/1", runs() + "/2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.errors.find("expected no such file or folder, found one"), std::string::npos);
  EXPECT_EQ(run_program({"convert", "/nowhere", runs() + "/3"}).exit_code, 4);
}

TEST(ModelCommandsTest, ConvertChangesTheDtype) {
  const TemporaryFolder folder;
  const ProgramResult converted =
      run_program({"convert", runs() + "/1", folder / "out", "--dtype", "bfloat16"});
  EXPECT_EQ(converted.exit_code, 0) << converted.errors;
  const ProgramResult result =
      run_program({"diff", runs() + "/1/step-0000001/model", folder / "out"});
  expect_line(result, "  torch_dtype: float64 -> bfloat16");
  expect_line(result, "  model.layers.0.mlp.gate.weight: F64 [4, 16] and F32 [4, 16]");
  EXPECT_EQ(run_program({"convert", runs() + "/1", folder / "no", "--dtype", "int8"}).exit_code, 2);
}

}  // namespace
}  // namespace hecaton::recipes
