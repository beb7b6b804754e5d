// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// The texts of all ranks, of any length each, in the order of ranks.
/// group:    on CPU tensors.
/// Parallel: every rank must call it; two all-gathers, the second of the longest text's length.
/// Errors:   those of Communicator.
std::vector<std::string> all_gather_texts(Communicator& group, const std::string& text);

}  // namespace hecaton::parallel
