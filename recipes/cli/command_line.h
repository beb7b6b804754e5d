// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

namespace hecaton::recipes {

/// The program: parses the command line, runs the sub-command, and reports what went wrong. Returns
/// the code of the process.
int run_command_line(int argc, char** argv);

}  // namespace hecaton::recipes
