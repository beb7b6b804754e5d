// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Names in a run folder: step-0000100 is a checkpoint, step-0000100.tmp-6f3a... one that is being
// written or removed, step-0000100.aside-91bc... one that its owner set aside, `latest` a text file
// that names the newest.

namespace hecaton::checkpoint {

/// "step-0000100". step: at least 0.
std::string step_folder_name(int64_t step);

/// "rank-00003.safetensors", the file of one rank in a step folder.
std::string rank_file_name(int64_t rank);

/// The step of a name that step_folder_name() gives; empty for any other name.
std::optional<int64_t> step_of_folder_name(std::string_view name);

/// Steps of the complete checkpoints in a run folder, ascending: those with a manifest.
/// Errors: IoError if the folder cannot be listed; one that does not exist has none.
std::vector<int64_t> complete_steps(const std::string& run_folder);

}  // namespace hecaton::checkpoint
