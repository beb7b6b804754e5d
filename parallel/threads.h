// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <memory>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// Runs `body` once per rank, each on a thread of its own with one ATen thread, and returns when
/// all have finished. For tests, and for comparing layouts in one process.
///
/// num_ranks:   at least 1.
/// body:        gets the world of its rank, back end "threads". Ranks share the process: whatever
///              else they share needs its own locks.
/// Errors:      ConfigError if num_ranks < 1. If a rank throws, collectives of the others, waiting
///              and later ones in every group, throw CommError naming that rank; its own exception
///              is rethrown here, with its type.
/// Determinism: the same bits as the back ends "single" and "mpi".
void run_ranks(int num_ranks, const std::function<void(std::shared_ptr<Communicator>)>& body);

}  // namespace hecaton::parallel
