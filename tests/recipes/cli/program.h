// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

namespace hecaton::recipes {

/// What a run of the program left behind.
struct ProgramResult {
  int exit_code = -1;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

/// Runs build/<preset>/bin/hecaton with these arguments, without a shell between. HECATON_TEST_DATA
/// is set, OMP_NUM_THREADS is not. prefix: a launcher and its arguments; empty: none.
ProgramResult run_program(const std::vector<std::string>& arguments,
                          const std::vector<std::string>& prefix = {});

/// The same under mpirun on num_ranks processes.
ProgramResult run_program_with_mpi(int num_ranks, const std::vector<std::string>& arguments);

/// The recipe of tests/data with a run folder and further overrides.
std::vector<std::string> tiny_training(const std::string& output_dir,
                                       const std::vector<std::string>& overrides = {});

/// The numbers under `key` in each line of a file of JSON lines.
std::vector<double> read_metric(const std::string& path, const std::string& key);

}  // namespace hecaton::recipes
