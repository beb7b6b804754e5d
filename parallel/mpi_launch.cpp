// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdlib>
#include <string>

#include "core/error.h"
#include "parallel/mpi.h"

namespace hecaton::parallel {

bool is_mpi_launch() {
  // Open MPI's mpirun; launchers that speak PMIx; those that speak PMI-1 or 2, MPICH's among them.
  // Slurm's srun sets one of the latter two when it starts MPI programs.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_SIZE"}) {
    if (std::getenv(name) != nullptr) {
      return true;
    }
  }
  return false;
}

std::optional<int64_t> launcher_world_size() {
  // SLURM_STEP_NUM_TASKS is there inside srun only, not in the batch script around it.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && std::atoll(value) > 0) {
      return std::atoll(value);
    }
  }
  return std::nullopt;
}

int64_t launcher_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* value = std::getenv(name)) {
      return std::atoll(value);
    }
  }
  return 0;
}

void check_launcher(int64_t world_size) {
  const std::optional<int64_t> started = launcher_world_size();
  if (started && *started != world_size) {
    throw ConfigError("the launcher started " + std::to_string(*started) +
                      " processes, but MPI sees " + std::to_string(world_size) +
                      ": use the launcher of the MPI that hecaton --version names");
  }
}

}  // namespace hecaton::parallel
