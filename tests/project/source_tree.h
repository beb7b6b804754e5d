// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hecaton::project {

/// One text file of the project.
struct SourceFile {
  std::string path;                ///< relative to the root, with forward slashes
  std::vector<std::string> lines;  ///< without line ends
};

/// Every file below `root` whose name `is_wanted` accepts, sorted by path. Leaves out what belongs
/// to git and the folders that the root's .gitignore names. Errors:
/// std::filesystem::filesystem_error when `root` cannot be read.
std::vector<SourceFile> read_tree(const std::filesystem::path& root,
                                  bool (*is_wanted)(const std::filesystem::path& name));

/// The lines of a file, without line ends.
std::vector<std::string> read_lines(const std::filesystem::path& file);

}  // namespace hecaton::project
