// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/command_line.h"

int main(int argc, char** argv) {
  return hecaton::recipes::run_command_line(argc, argv);
}
