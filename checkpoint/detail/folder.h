// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

namespace hecaton::checkpoint::detail {

/// Names in a folder, sorted; none if it does not exist. Errors: IoError if it cannot be listed.
std::vector<std::string> list_folder(const std::string& path);

/// Every regular file below a folder, as a sorted path relative to it. Names that begin with a dot
/// are left out: file systems and desktops put such files there on their own.
/// Errors: IoError if a folder cannot be listed, or for what is neither file nor folder.
std::vector<std::string> list_files_below(const std::string& path);

/// Removes a folder with everything in it. What cannot be removed is left with a warning: a file
/// that another host has open must not end a run.
void remove_folder(const std::string& path);

/// Removes what saves of killed runs and interrupted removals left in a run folder.
void remove_leftovers(const std::string& run_folder);

/// A new name beside a step folder. `word` is kUnfinished for one that remove_leftovers() removes.
/// "runs/a/step-0000100.tmp-6f3a91bc5d20e784".
std::string unique_name(const std::string& step_folder, const std::string& word);
inline constexpr const char* kUnfinished = "tmp";

}  // namespace hecaton::checkpoint::detail
