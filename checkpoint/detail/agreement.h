// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace hecaton::checkpoint::detail {

/// Runs `action` on every rank and gives every rank the texts that all of them returned, in the
/// order of ranks. Every rank must call it; it waits for all.
///
/// `action` may hold a collective if all ranks leave it in the same way, and if the ranks that have
/// nothing to add throw PeerFailure.
/// Errors: if it throws on some ranks, the error of the lowest of them is thrown on all, that of a
///         rank with a PeerFailure only if there is no other: IoError, CheckpointError, ShapeError
///         and PeerFailure keep their type, others become InternalError; from others than this one
///         the text begins with the rank. Any other CommError passes through, since then there is
///         no talking to the others.
std::vector<std::string> agree(parallel::Communicator& world,
                               const std::function<std::string()>& action);

}  // namespace hecaton::checkpoint::detail
