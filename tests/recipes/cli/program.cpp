// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/recipes/cli/program.h"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

const std::string kData = testing::source_dir() + "/tests/data";

/// In the child: sends descriptor `target` to a new file.
void redirect(const std::string& path, int target) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || dup2(file, target) < 0) {
    _exit(126);
  }
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& prefix) {
  const testing::TemporaryFolder folder;
  std::vector<std::string> words = prefix;
  words.emplace_back(testing::program_path());
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    setenv("HECATON_TEST_DATA", kData.c_str(), 1);
    unsetenv("OMP_NUM_THREADS");
    redirect(folder / "output", STDOUT_FILENO);
    redirect(folder / "errors", STDERR_FILENO);
    execvp(pointers.front(), pointers.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    throw std::runtime_error("cannot run " + words.front());
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          testing::read_bytes(folder / "output"),
          testing::read_bytes(folder / "errors")};
}

ProgramResult run_program_with_mpi(int num_ranks, const std::vector<std::string>& arguments) {
  return run_program(arguments,
                     {testing::mpirun_path(),
                      "--allow-run-as-root",
                      "--oversubscribe",
                      "--bind-to",
                      "none",
                      "-np",
                      std::to_string(num_ranks)});
}

std::vector<std::string> tiny_training(const std::string& output_dir,
                                       const std::vector<std::string>& overrides) {
  std::vector<std::string> arguments = {"train", kData + "/tiny.yaml", "output_dir=" + output_dir};
  arguments.insert(arguments.end(), overrides.begin(), overrides.end());
  return arguments;
}

std::vector<double> read_metric(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::vector<double> values;
  for (std::string line; std::getline(file, line);) {
    values.push_back(nlohmann::json::parse(line).at(key).get<double>());
  }
  return values;
}

}  // namespace hecaton::recipes
