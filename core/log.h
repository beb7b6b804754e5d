// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>

namespace hecaton {

/// Names this rank in every line unless it is rank 0, which prints the same whatever the number of
/// ranks, and alone prints information. Until it is called the process counts as rank 0 of 1.
/// Thread-safe.
void set_log_rank(int rank, int num_ranks);

/// Also writes every line, those that the rank keeps from the terminal included, to `path`.
/// Errors: IoError if it cannot be opened.
void add_log_file(const std::string& path);

/// One line on standard error: information (rank 0 only) and warnings (every rank).
void log_info(const std::string& text);
void log_warn(const std::string& text);

}  // namespace hecaton
