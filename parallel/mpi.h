// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// True if this process was started as a rank of an MPI job: by mpirun, or by a scheduler that does
/// its work. Looks at the environment alone; also there in builds without MPI.
bool is_mpi_launch();

/// Processes that the launcher says it started: mpirun's, PMI's or a Slurm step's number; unset
/// when no launcher tells.
std::optional<int64_t> launcher_world_size();

/// The number of this process among them, from 0; 0 when no launcher tells.
int64_t launcher_rank();

/// Errors: ConfigError if the launcher started another number of processes than `world_size`, which
/// happens when it belongs to another MPI: every process then believes to be alone.
void check_launcher(int64_t world_size);

#ifdef HECATON_WITH_MPI

/// Length in bytes of the longest MPI message; longer ones travel in pieces, because MPI counts
/// with 32 bits.
constexpr int64_t kMaxPieceBytes = int64_t{1} << 30;

/// The group of all ranks of the MPI job, back end "mpi". Initialises MPI unless the program has
/// done so. Every rank must call it.
///
/// piece_bytes: 1 to kMaxPieceBytes; tests lower it.
/// Errors:      CommError if MPI cannot be initialised or does not grant at least
///              MPI_THREAD_SERIALIZED; ConfigError for another piece_bytes.
/// Parallel:    makes a communicator of its own, so that no message meets those of the program.
/// Calls
///              are serialised by one lock per process. Collectives move on while any thread of the
///              rank is in wait(); a handle that is destroyed early waits first, or, while an
///              exception passes, is abandoned with its tensors kept in memory.
std::shared_ptr<Communicator> make_mpi_world(int64_t piece_bytes = kMaxPieceBytes);

/// Ends MPI if make_mpi_world() began it; every rank must call it, after the last collective. Then
/// communicators may only be destroyed. Does nothing the second time.
void finalize_mpi();

/// Ends every process of the job at once, with this exit code. writes_collectives: first every rank
/// that still moves messages writes down what it issued last (FlightRecorder::write()).
[[noreturn]] void abort_mpi(int exit_code, bool writes_collectives = false);

/// Name and version of the MPI library, one line.
std::string mpi_version();

#endif  // HECATON_WITH_MPI

}  // namespace hecaton::parallel
