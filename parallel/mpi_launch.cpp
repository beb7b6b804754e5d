// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <cstdlib>

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

}  // namespace hecaton::parallel
