// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {

/// What a run of the program left behind.
struct ProgramResult {
  int exit_code = -1;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

/// Lines of standard error that begin with `start`; a launcher adds some of its own.
std::vector<std::string> lines_of(const ProgramResult& result, const std::string& start);

/// build/<preset>/bin/hecaton at work, started without a shell between. HECATON_TEST_DATA is set,
/// OMP_NUM_THREADS is not.
class RunningProgram {
 public:
  /// prefix: a launcher and its arguments; empty: none.
  explicit RunningProgram(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& prefix = {});

  /// To the program, or to the launcher.
  void send(int signal) const;
  /// Whether it has ended, now or before so much time has passed. wait() is still to be called.
  bool has_ended_within(std::chrono::milliseconds time) const;
  /// Until it ends. Call once.
  ProgramResult wait();

 private:
  testing::TemporaryFolder folder_;
  std::string name_;
  pid_t child_ = -1;
};

/// mpirun and its arguments.
std::vector<std::string> mpi_prefix(int num_ranks);

/// Starts the program and waits for it.
ProgramResult run_program(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& prefix = {});

/// The same under mpirun on num_ranks processes.
ProgramResult run_program_with_mpi(int num_ranks, const std::vector<std::string>& arguments);

/// The recipe of tests/data with a run folder and further overrides.
std::vector<std::string> tiny_training(const std::string& output_dir,
                                       const std::vector<std::string>& overrides = {});

/// An override: more steps than any test waits for.
inline constexpr const char* kEndless = "training.max_steps=10000000";

/// Waits until a run has logged something: its ranks listen to signals then.
void wait_for_steps(const std::string& run);

/// Processes whose own program is hecaton and whose arguments name the run, in the order of their
/// MPI ranks.
std::vector<pid_t> ranks_of(const std::string& run);

/// The numbers under `key` in each line of a file of JSON lines.
std::vector<double> read_metric(const std::string& path, const std::string& key);

}  // namespace hecaton::recipes
