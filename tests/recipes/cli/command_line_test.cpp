// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The program as a user runs it: exit codes, messages, results.

#include "recipes/cli/command_line.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "checkpoint/safetensors.h"
#include "core/error.h"
#include "recipes/cli/oracle_command.h"
#include "recipes/train/console.h"
#include "tests/recipes/cli/program.h"
#include "tests/testing/expect_error.h"
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

TEST(CommandLineTest, EvaluatesWithoutTheTrainingData) {
  const TemporaryFolder folder;
  std::filesystem::copy(
      trained_run() + "/step-0000010", folder / "step", std::filesystem::copy_options::recursive);
  const std::string path = folder / "step/config.yaml";
  std::string recipe = testing::read_bytes(path);
  const size_t name = recipe.find("clock.txt");
  ASSERT_NE(name, std::string::npos) << recipe;
  write_bytes(path, recipe.replace(name, 5, "gone"));
  const ProgramResult eval = run_program({"eval", folder / "step"});
  EXPECT_EQ(eval.exit_code, 0) << eval.errors;
  EXPECT_EQ(eval.output, run_program({"eval", trained_run()}).output);
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
  EXPECT_NE(result.output.find("model.layers.1.mlp.experts.3.down_proj.weight  F64  16 x 16"),
            std::string::npos)
      << result.output;
  const checkpoint::SafetensorsFile file(trained_run() + "/step-0000010/model/model.safetensors");
  size_t num_listed = 0;
  for (const auto& [name, info] : file.tensors()) {
    num_listed += result.output.find("\n  " + name + "  ") != std::string::npos ? 1 : 0;
  }
  EXPECT_EQ(num_listed, file.tensors().size()) << result.output;
  EXPECT_EQ(static_cast<size_t>(std::count(result.output.begin(), result.output.end(), '\n')),
            num_listed + 3)
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

TEST(CommandLineTest, OfTwoOverridesForOneKeyTheLastWins) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.yaml", "dataset: {train: [{path: /x}]}\ntraining: {max_steps: 3}\n");
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{"--seed=1", "+seed=3", "seed=2"},
        std::vector<std::string>{"seed=1", "seed=3", "--seed=2"}}) {
    std::vector<std::string> arguments = {"print-config", folder / "a.yaml"};
    arguments.insert(arguments.end(), overrides.begin(), overrides.end());
    const ProgramResult printed = run_program(arguments);
    EXPECT_NE(printed.output.find("seed: 2 "), std::string::npos)
        << printed.output << printed.errors;
  }
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

/// The names that --help lists.
std::vector<std::string> listed_commands() {
  std::istringstream lines(run_program({"--help"}).output);
  std::vector<std::string> names;
  bool is_list = false;
  for (std::string line; std::getline(lines, line);) {
    if (is_list && line.size() > 2 && line[2] != ' ') {
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    is_list = is_list || line == "Subcommands:";
  }
  return names;
}

TEST(CommandLineTest, EveryCommandHelpsWithAnExampleOfItself) {
  const std::vector<std::string> names = listed_commands();
  EXPECT_GE(names.size(), 12U);
  for (const std::string& name : names) {
    const ProgramResult help = run_program({name, "--help"});
    EXPECT_EQ(help.exit_code, 0) << name;
    EXPECT_NE(help.output.find("Example:\n  hecaton " + name), std::string::npos) << help.output;
  }
}

TEST(CommandLineTest, UnknownCommandIsTwoAndNamesTheNearest) {
  expect_failure(run_program({"trian"}), 2, "unknown command: trian; did you mean train?");
  expect_failure(run_program({"xyz"}), 2, "unknown command: xyz; hecaton --help lists them");
  EXPECT_EQ(run_program({}).exit_code, 2);
}

TEST(CommandLineTest, NumbersOutOfTheirRangeAreTwo) {
  expect_failure(
      run_program({"bench", "layer", "--rounds", "0"}), 2, "--rounds = 0: must be at least 1");
  expect_failure(
      run_program({"bench", "layer", "--threads", "99999999999999999999"}), 2, "--threads");
  expect_failure(
      run_program({"generate", "/nowhere", "--seed", "-1"}), 2, "seed = -1: must be at least 0");
}

TEST(CommandLineTest, SizesThatNoMachineHasAreTwo) {
  const TemporaryFolder folder;
  for (const auto& [override, text] :
       {std::pair{"model.arch.hidden_size=2000000000", "model.arch.hidden_size = 2000000000, "},
        std::pair{"dataset.sequence_length=2147483647", "dataset.sequence_length = 2147483647, "},
        std::pair{"training.num_threads=1048576",
                  "training.num_threads = 1048576: must be from 1 to "}}) {
    expect_failure(run_program(tiny_training(folder / "run", {override})), 2, text);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
  expect_failure(run_program({"eval", trained_run()}, {"env", "OMP_NUM_THREADS=4294967296"}),
                 2,
                 "OMP_NUM_THREADS = 4294967296: must be from 1 to ");
}

TEST(CommandLineTest, UnknownArgumentsAreTwoAndNameTheNearest) {
  expect_failure(run_program({"generate", "a", "--prompts", "b"}),
                 2,
                 "unknown argument: --prompts; did you mean --prompt?");
  expect_failure(run_program({"convert", "a", "b", "--max-shard-sise=2GB"}),
                 2,
                 "unknown argument: --max-shard-sise=2GB; did you mean --max-shard-size?");
  expect_failure(run_program({"train", "a.yaml", "--dryrun"}),
                 2,
                 "unknown argument: --dryrun; did you mean --dry-run?");
  expect_failure(run_program({"inspect", "a", "b"}),
                 2,
                 "unknown argument: b; hecaton inspect --help lists them");
}

TEST(CommandLineTest, SchemaPrintsWhatEditorsAndPagesNeed) {
  const TemporaryFolder folder;
  const ProgramResult printed = run_program({"schema"});
  EXPECT_EQ(printed.exit_code, 0) << printed.errors;
  EXPECT_EQ(printed.output.rfind("{\n  \"$schema\"", 0), 0U);
  EXPECT_EQ(run_program({"schema", "--output", folder / "s.json"}).exit_code, 0);
  EXPECT_EQ(testing::read_bytes(folder / "s.json"), printed.output);
  EXPECT_EQ(run_program({"schema", "--format", "markdown"}).output.rfind("# Recipes\n", 0), 0U);
  EXPECT_EQ(run_program({"schema", "--format", "xml"}).exit_code, 2);
  expect_failure(run_program({"schema", "--output", "/nowhere/s.json"}), 7, "/nowhere/s.json");
}

TEST(CommandLineTest, OracleNamesWhatDiffers) {
  parallel::OracleReport report;
  report.worst = {{"grad", {"grad", "grad/step1/w", "dp4 ep2, accumulation 3", 1e-11}}};
  check_report(report);
  report.worst["loss"] = {"loss", "loss/step1/", "dp2 ep1, accumulation 3", 0.5};
  testing::expect_error<NumericError>(
      [&] { check_report(report); },
      "layout dp2 ep1, accumulation 3: loss of loss/step1/: expected the value of one process "
      "within 1.0e-10, found a relative error of 5.0e-01");
}

TEST(CommandLineTest, OracleRunsAloneAndChangesNoRecipeThatIsNotThere) {
  expect_failure(run_program({"oracle"}, {"env", "OMPI_COMM_WORLD_SIZE=2"}),
                 2,
                 "oracle runs in one process, found a launcher that started 2");
  expect_failure(
      run_program({"oracle", "--seed=3"}), 2, "there is no recipe that --seed=3 could change");
}

TEST(CommandLineTest, OracleComparesTheModelOfARecipe) {
  const ProgramResult result =
      run_program({"oracle", testing::source_dir() + "/tests/data/tiny.yaml", "moe.layers=none"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_TRUE(std::regex_search(
      result.output, std::regex(R"(\nworst relative error \d\.\de-\d\d over 6 layouts\n$)")))
      << result.output;
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 2) << result.errors;
}

TEST(CommandLineTest, OracleRefusesWhatItCannotCompare) {
  const std::string recipe = testing::source_dir() + "/tests/data/tiny.yaml";
  expect_failure(
      run_program({"oracle", recipe, "moe.capacity_factor=1", "moe.capacity_scope=rank"}),
      2,
      "moe.capacity_scope = rank: depends on the layout");
  expect_failure(
      run_program({"oracle", recipe, "model.base_model=/nowhere"}), 4, "model not found: /nowhere");
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

TEST(CommandLineTest, ConfigOfAModelLargerThanItsWeightsIsFour) {
  const TemporaryFolder folder;
  std::filesystem::copy(
      trained_run() + "/step-0000010", folder / "step", std::filesystem::copy_options::recursive);
  const std::string path = folder / "step/model/config.json";
  const std::string config = testing::read_bytes(path);
  for (const auto& [key, digits, expected] :
       {std::tuple{"hidden_size", "90000000", ", as its config says, found [258, 16]"},
        std::tuple{"vocab_size", "9000000000000000", "config.json: expected sizes of at most "}}) {
    const std::string start = std::string("\"") + key + "\": ";
    std::string text = config;
    text.insert(text.find(start) + start.size(), digits);  // in front of those that are there
    write_bytes(path, text);
    for (const char* command : {"eval", "generate", "inspect"}) {
      expect_failure(run_program({command, folder / "step"}), 4, expected);
    }
  }
}

TEST(CommandLineTest, FolderThatCannotBeWrittenIsSeven) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_failure(run_program(tiny_training(folder / "file/run")),
                 7,
                 "cannot create folder " + (folder / "file"));
}

TEST(CommandLineTest, OutputThatCannotBeWrittenIsSeven) {
  const std::vector<std::string> to_full_disk = {"sh", "-c", "exec \"$@\" >/dev/full", "sh"};
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--version"},
        std::vector<std::string>{"eval", "--help"},
        std::vector<std::string>{"recipes", testing::source_dir() + "/tests/data"},
        std::vector<std::string>{"inspect", trained_run()},
        std::vector<std::string>{"eval", trained_run()},
        std::vector<std::string>{"generate", trained_run(), "--max-new-tokens", "2"}}) {
    expect_failure(run_program(arguments, to_full_disk), 7, "error: cannot write standard output");
  }
}

TEST(CommandLineTest, OutputFolderThatIsAFileIsSeven) {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "");
  expect_failure(
      run_program(tiny_training(folder / "file")), 7, (folder / "file") + ": is not a folder");
}

TEST(CommandLineTest, FolderThatIsNotEmptyIsTwo) {
  const TemporaryFolder folder;
  write_bytes(folder / "mine/notes.txt", "mine");
  expect_failure(run_program(tiny_training(folder / "mine")), 2, "is not empty and holds no run");
}

TEST(CommandLineTest, ExpertParallelismThatDoesNotDivideTheExpertsIsTwo) {
  const TemporaryFolder folder;
  expect_failure(run_program(tiny_training(folder / "run", {"parallel.ep=3"})),
                 2,
                 "error: override 'parallel.ep=3': parallel.ep: must divide moe.num_experts = 4, "
                 "found 3\n");
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
  for (const auto& entry : std::filesystem::directory_iterator(folder / "run")) {
    EXPECT_NE(entry.path().filename().string().rfind("step-", 0), 0U) << entry.path();
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "run/latest"));
  EXPECT_EQ(lines_of(result, "error").size(), 1U) << result.errors;
  expect_failure(run_program({"eval", folder / "run"}),
                 4,
                 "the run in " + (folder / "run") + " saved no model");
}

}  // namespace
}  // namespace hecaton::recipes
