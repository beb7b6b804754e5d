// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "parallel/communicator.h"

namespace hecaton::recipes {

/// Threads that one rank computes with, and why.
struct ThreadChoice {
  int64_t num_threads = 1;
  int64_t num_cores = 1;       ///< cores that this process may use
  int64_t ranks_on_cores = 1;  ///< ranks that share them
  std::string origin;          ///< `name`, "OMP_NUM_THREADS" or "cores / ranks"
};

/// requested, which the user knows as `name`; then OMP_NUM_THREADS; then max(1, cores this rank may
/// use / ranks that share them). A rank that is bound to cores of its own shares them with no
/// other. Errors:   ConfigError if more than 8 threads per core are asked for. Parallel: every rank
/// must call it.
ThreadChoice choose_threads(parallel::Communicator& world,
                            std::optional<int64_t> requested,
                            const std::string& name = "training.num_threads");

/// Applies the choice to ATen and keeps large freed blocks in the process, because a fresh large
/// block costs more than the GEMM that fills it.
void apply_threads(const ThreadChoice& choice);

/// Resident memory of this process, GiB.
double memory_gib();
/// Memory that this process may use, GiB: the machine's with its swap space, or the limit of the
/// container.
double usable_memory_gib();
/// Model name of the CPU; "unknown" if the system does not tell.
std::string cpu_name();
std::string host_name();

}  // namespace hecaton::recipes
