// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "parallel/communicator.h"

namespace hecaton::recipes {

/// The lowest rank whose number is not that of rank 0; empty if all ranks have the same.
/// Parallel: every rank must call it; one all-gather.
std::optional<int> first_rank_that_differs(parallel::Communicator& world, uint64_t number);

/// Runs `work` on rank 0 alone. If it throws there, it throws there, and PeerFailure on the others:
/// a disk that fails fails the run on every rank.
/// Parallel: every rank must call it; one reduction.
void on_main_rank(parallel::Communicator& world, const std::function<void()>& work);

}  // namespace hecaton::recipes
