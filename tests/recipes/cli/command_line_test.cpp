// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The program as a user runs it: exit codes, messages, results.

#include "recipes/cli/command_line.h"

#include <filesystem>
#include <regex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "recipes/train/console.h"
#include "tests/recipes/cli/program.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using testing::TemporaryFolder;
using testing::write_bytes;

/// One clear line: "error: ..." with `text` in it, and nothing else on standard error.
void expect_failure(const ProgramResult& result, int exit_code, const std::string& text) {
  EXPECT_EQ(result.exit_code, exit_code) << result.errors;
  EXPECT_NE(result.errors.find(text), std::string::npos) << result.errors;
  EXPECT_EQ(result.errors.rfind("error: ", 0), 0U) << result.errors;
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
}

/// A trained model to look at; made once for all cases.
const std::string& trained_run() {
  static const TemporaryFolder kFolder;
  static const std::string kRun = [] {
    std::string run = kFolder / "run";
    const ProgramResult result = run_program(tiny_training(run));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return run;
  }();
  return kRun;
}

TEST(CommandLineTest, TrainsEvaluatesAndGenerates) {
  const std::string& run = trained_run();
  for (const char* name : {"config.yaml",
                           "run.json",
                           "metrics/train.jsonl",
                           "metrics/eval.jsonl",
                           "logs/rank-00000.log",
                           "latest",
                           "step-0000010/config.yaml",
                           "step-0000010/model/config.json",
                           "step-0000010/model/model.safetensors"}) {
    EXPECT_TRUE(std::filesystem::exists(run + "/" + name)) << name;
  }
  const std::vector<double> losses = read_metric(run + "/metrics/train.jsonl", "loss");
  ASSERT_EQ(losses.size(), 10U);
  EXPECT_LT(losses.back(), losses.front());
  const std::vector<double> eval_losses = read_metric(run + "/metrics/eval.jsonl", "loss");
  ASSERT_EQ(eval_losses.size(), 2U);

  const ProgramResult eval = run_program({"eval", run});
  EXPECT_EQ(eval.exit_code, 0) << eval.errors;
  char expected[32];
  std::snprintf(expected, sizeof(expected), "loss %.6f", eval_losses.back());
  EXPECT_EQ(eval.output.rfind(expected, 0), 0U) << eval.output << expected;

  const std::vector<std::string> sample = {
      "generate", run, "--prompt", "The ", "--max-new-tokens", "5", "--seed", "3"};
  const ProgramResult first = run_program(sample);
  EXPECT_EQ(first.exit_code, 0) << first.errors;
  EXPECT_EQ(first.output.rfind("The ", 0), 0U);
  EXPECT_EQ(first.output, run_program(sample).output);
}

TEST(CommandLineTest, PrintsConsoleLinesThatThePatternMatches) {
  const TemporaryFolder folder;
  const ProgramResult result = run_program(tiny_training(folder / "run", {"training.max_steps=2"}));
  const std::regex pattern(kConsoleLinePattern);
  std::istringstream lines(result.errors);
  int num_matching = 0;
  for (std::string line; std::getline(lines, line);) {
    num_matching += std::regex_match(line, pattern) ? 1 : 0;
  }
  EXPECT_EQ(num_matching, 2) << result.errors;
}

TEST(CommandLineTest, TrainsTheSameBitsTwice) {
  const TemporaryFolder folder;
  ASSERT_EQ(run_program(tiny_training(folder / "again")).exit_code, 0);
  EXPECT_EQ(testing::read_bytes(folder / "again/step-0000010/model/model.safetensors"),
            testing::read_bytes(trained_run() + "/step-0000010/model/model.safetensors"));
}

TEST(CommandLineTest, InspectListsEveryTensor) {
  const ProgramResult result = run_program({"inspect", trained_run()});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("model.layers.1.mlp.experts.3.down_proj.weight  Double  16 x 16"),
            std::string::npos)
      << result.output;
}

TEST(CommandLineTest, ValidateAndPrintConfigReadTheRecipeAlone) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.yaml",
              "dataset: {train: [{path: /nowhere}]}\ntraining: {max_steps: 3}\n");
  const ProgramResult valid = run_program({"validate", folder / "a.yaml"});
  EXPECT_EQ(valid.exit_code, 0) << valid.errors;
  const ProgramResult printed =
      run_program({"print-config", folder / "a.yaml", "--optimizer.lr=0.5", "seed=9"});
  EXPECT_EQ(printed.exit_code, 0) << printed.errors;
  EXPECT_NE(printed.output.find("lr: 0.5"), std::string::npos) << printed.output;
  EXPECT_NE(printed.output.find("seed: 9"), std::string::npos) << printed.output;
}

TEST(CommandLineTest, ListsRecipesWithTheirDescription) {
  const ProgramResult result = run_program({"recipes", testing::source_dir() + "/tests/data"});
  EXPECT_NE(result.output.find("tiny.yaml  A model of a few thousand parameters"),
            std::string::npos)
      << result.output;
}

TEST(CommandLineTest, VersionAndHelpSucceed) {
  const ProgramResult version = run_program({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.output.rfind("hecaton ", 0), 0U) << version.output;
  EXPECT_EQ(run_program({"--help"}).exit_code, 0);
  EXPECT_EQ(run_program({"train", "--help"}).exit_code, 0);
}

TEST(CommandLineTest, UnknownCommandIsTwoAndNamesTheNearest) {
  expect_failure(run_program({"trian"}), 2, "unknown command: trian; did you mean train?");
  expect_failure(run_program({"generate", "a", "--prompts", "b"}), 2, "--prompts");
  EXPECT_EQ(run_program({}).exit_code, 2);
}

TEST(CommandLineTest, MissingRecipeIsTwo) {
  expect_failure(run_program({"train", "/nowhere.yaml"}), 2, "recipe not found: /nowhere.yaml");
}

TEST(CommandLineTest, UnknownKeyIsTwoWithItsPlaceAndTheNearestName) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.yaml";
  write_bytes(path, "dataset: {train: [{path: /x}]}\ntraining:\n  max_stepps: 3\n  max_steps: 3\n");
  expect_failure(
      run_program({"train", path}),
      2,
      path + ":3:3: training.max_stepps: unknown key; did you mean 'training.max_steps'?");
}

TEST(CommandLineTest, MissingDataIsThree) {
  const TemporaryFolder folder;
  expect_failure(run_program(tiny_training(
                     folder / "run", {"dataset.train.0.path=/nowhere", "~dataset.validation"})),
                 3,
                 "/nowhere");
}

TEST(CommandLineTest, MissingOrTruncatedModelIsFour) {
  expect_failure(run_program({"eval", "/nowhere"}), 4, "model not found: /nowhere");
  const TemporaryFolder folder;
  std::filesystem::copy(
      trained_run() + "/step-0000010", folder / "step", std::filesystem::copy_options::recursive);
  const std::string weights = folder / "step/model/model.safetensors";
  std::filesystem::resize_file(weights, std::filesystem::file_size(weights) - 1);
  expect_failure(run_program({"generate", folder / "step"}), 4, weights);
}

TEST(CommandLineTest, FolderThatCannotBeWrittenIsSeven) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_failure(run_program(tiny_training(folder / "file/run")),
                 7,
                 "cannot create folder " + (folder / "file"));
}

TEST(CommandLineTest, FolderThatIsNotEmptyIsTwo) {
  expect_failure(run_program(tiny_training(trained_run())), 2, "is not empty");
}

TEST(CommandLineTest, ExpertParallelismThatDoesNotDivideTheExpertsIsTwo) {
  const TemporaryFolder folder;
  expect_failure(run_program(tiny_training(folder / "run", {"parallel.ep=3"})), 2, "parallel.ep");
}

TEST(CommandLineTest, RanksThatDoNotFitAreTwo) {
  const TemporaryFolder folder;
  expect_failure(run_program(tiny_training(folder / "run", {"parallel.dp=4"})),
                 2,
                 "parallel.dp = 4: must equal the number of ranks 1");
  expect_failure(run_program(tiny_training(folder / "run", {"parallel.ep=2"})),
                 2,
                 "parallel.ep = 2: must divide the number of ranks 1");
}

TEST(CommandLineTest, NonFiniteLossIsFiveAndSavesNothing) {
  const TemporaryFolder folder;
  const ProgramResult result =
      run_program(tiny_training(folder / "run", {"optimizer.lr=1e300", "~dataset.validation"}));
  EXPECT_EQ(result.exit_code, 5) << result.errors;
  EXPECT_NE(result.errors.find("expected finite numbers"), std::string::npos) << result.errors;
  EXPECT_FALSE(std::filesystem::exists(folder / "run/latest"));
}

}  // namespace
}  // namespace hecaton::recipes
