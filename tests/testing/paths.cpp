// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/testing/paths.h"

namespace hecaton::testing {

std::string source_dir() {
  return HECATON_SOURCE_DIR;
}

std::string program_path() {
  return HECATON_PROGRAM;
}

std::string mpirun_path() {
  return HECATON_MPIRUN;
}

std::string disk_faults_path() {
  return HECATON_DISK_FAULTS;
}

}  // namespace hecaton::testing
