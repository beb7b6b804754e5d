// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recipes/config/recipe.h"

namespace hecaton::recipes {

/// A file that is one document.
struct TextFile {
  std::string path;  ///< where to open it
  /// Its path below the folder that was named, or its file name: the same wherever the data lies.
  std::string name;
};

/// The files of all sources, in the order of the sources, those of a folder in the bytewise order
/// of their names. Folders are searched to any depth, but for hidden entries (first character a
/// dot) and links to folders; a source's `extensions` choose among their files. A file that is
/// named itself is always taken; one that is reached twice counts once.
/// Errors:      DataError if a path does not exist ("data not found: PATH"), is neither a file nor
///              a folder, or cannot be listed, and if a source has no file.
std::vector<TextFile> collect_text_files(const std::vector<DataSourceRecipe>& sources);

/// All bytes of a file. Errors: DataError if it cannot be read.
std::string read_text_file(const std::string& path);

/// Whole documents for training and for validation.
struct DocumentSplit {
  std::vector<TextFile> train;
  std::vector<TextFile> validation;
};

/// Holds documents out for validation, each with probability `fraction`, decided by (seed, name)
/// alone: a file stays on its side when others come and go. Both sides keep the order and get at
/// least one file.
/// fraction:    in [0, 1); 0 holds nothing out.
/// Errors:      DataError if there is only one file to split.
DocumentSplit split_documents(const std::vector<TextFile>& files, double fraction, uint64_t seed);

}  // namespace hecaton::recipes
