// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/recipes/cli/program.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/testing/paths.h"

namespace hecaton::recipes {
namespace {

namespace fs = std::filesystem;

const std::string kData = testing::source_dir() + "/tests/data";

/// In the child: sends descriptor `target` to a new file.
void redirect(const std::string& path, int target) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || dup2(file, target) < 0) {
    _exit(126);
  }
}

}  // namespace

std::vector<std::string> lines_of(const ProgramResult& result, const std::string& start) {
  std::istringstream stream(result.errors);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind(start, 0) == 0) {
      lines.push_back(line);
    }
  }
  return lines;
}

RunningProgram::RunningProgram(const std::vector<std::string>& arguments,
                               const std::vector<std::string>& prefix) {
  std::vector<std::string> words = prefix;
  words.emplace_back(testing::program_path());
  words.insert(words.end(), arguments.begin(), arguments.end());
  name_ = words.front();
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  child_ = fork();
  if (child_ == 0) {
    setenv("HECATON_TEST_DATA", kData.c_str(), 1);
    unsetenv("OMP_NUM_THREADS");
    redirect(folder_ / "output", STDOUT_FILENO);
    redirect(folder_ / "errors", STDERR_FILENO);
    execvp(pointers.front(), pointers.data());
    _exit(127);
  }
}

void RunningProgram::send(int signal) const {
  kill(child_, signal);
}

bool RunningProgram::has_ended_within(std::chrono::milliseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      throw std::runtime_error("cannot wait for " + name_);
    }
    if (info.si_pid == child_ || std::chrono::steady_clock::now() > end) {
      return info.si_pid == child_;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

ProgramResult RunningProgram::wait() {
  int status = 0;
  if (child_ < 0 || waitpid(child_, &status, 0) != child_) {
    throw std::runtime_error("cannot run " + name_);
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          testing::read_bytes(folder_ / "output"),
          testing::read_bytes(folder_ / "errors")};
}

std::vector<std::string> mpi_prefix(int num_ranks) {
  return {testing::mpirun_path(),
          "--allow-run-as-root",
          "--oversubscribe",
          "--bind-to",
          "none",
          "-np",
          std::to_string(num_ranks)};
}

ProgramResult run_program(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& prefix) {
  return RunningProgram(arguments, prefix).wait();
}

ProgramResult run_program_with_mpi(int num_ranks, const std::vector<std::string>& arguments) {
  return run_program(arguments, mpi_prefix(num_ranks));
}

void wait_for_steps(const std::string& run) {
  std::error_code error;
  for (int i = 0; i < 600 && fs::file_size(run + "/metrics/train.jsonl", error) + 1 < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::vector<pid_t> ranks_of(const std::string& run) {
  std::map<int, pid_t> by_rank;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    const auto text_of = [&entry](const char* file_name) {
      std::ifstream file(entry.path() / file_name, std::ios::binary);
      return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    };
    const std::string words = text_of("cmdline");
    if (words.rfind(testing::program_path(), 0) == 0 && words.find(run) != std::string::npos) {
      const std::string environment = text_of("environ");
      const std::string variable = "OMPI_COMM_WORLD_RANK=";
      const size_t place = environment.find(variable);
      const int rank =
          place == std::string::npos ? 0 : std::atoi(environment.c_str() + place + variable.size());
      by_rank[rank] = static_cast<pid_t>(std::stol(name));
    }
  }
  std::vector<pid_t> ranks;
  ranks.reserve(by_rank.size());
  for (const auto& entry : by_rank) {
    ranks.push_back(entry.second);
  }
  return ranks;
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
