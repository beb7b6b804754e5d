// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <exception>
#include <string>

namespace hecaton::recipes {

/// Codes with which the program ends.
enum ExitCode : int {
  kDone = 0,
  kInternal = 1,  ///< promised to no one: a bug of ours, or a device fault
  kConfig = 2,
  kData = 3,
  kCheckpoint = 4,
  kNumeric = 5,
  kComm = 6,
  kIo = 7,
  kStopped = 75  ///< by a signal or a limit, after a committed save
};

/// The one table of exception kinds and exit codes. Memory that runs out is a fault of the sizes
/// that were asked for: kConfig.
ExitCode exit_code_of(const std::exception& error);

/// What is printed of an error: one line, without LibTorch's stack trace; several for a recipe with
/// several faults.
std::string error_text(const std::exception& error);

}  // namespace hecaton::recipes
