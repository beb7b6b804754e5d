// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

namespace hecaton::recipes {

/// What `hecaton tokenize` is given.
struct TokenizeArguments {
  std::vector<std::string> inputs;  ///< files and folders, at least one
  std::string output;               ///< PREFIX of PREFIX.bin and PREFIX.idx
  std::string format = "text";      ///< text: a document a file; jsonl: a document a line
  std::string key = "text";         ///< of the text in a line
};

/// Writes the byte tokens of text as a data set of Megatron-LM, and prints how much it was.
///
/// Errors:      ConfigError for an unknown format, or if a file would be overwritten; DataError
///              naming file and line for a bad input; IoError.
void tokenize(const TokenizeArguments& arguments);

}  // namespace hecaton::recipes
