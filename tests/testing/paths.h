// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

// Where things are on this machine. One source alone is compiled with them, so that a compiler
// cache finds every other test again in a clone elsewhere.

namespace hecaton::testing {

/// Root of the source tree.
std::string source_dir();
/// The program `hecaton` of this build.
std::string program_path();
/// Open MPI's `mpirun`; empty in a build without MPI.
std::string mpirun_path();
/// The library of tests/checkpoint/disk_faults.h.
std::string disk_faults_path();

}  // namespace hecaton::testing
