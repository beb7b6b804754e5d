// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "recipes/data/token_stream.h"

namespace hecaton::recipes {

/// What a file of nothing but tokens does not say about itself.
struct TokenFileFormat {
  TokenType type = TokenType::kUint16;
  /// Id of the last token of each document. Unset: the file is one document.
  std::optional<int64_t> document_end_id = {};
  int64_t vocab_size = 0;  ///< ids are below it
};

/// Opens a file of nothing but token ids. The tokens stay in the file until they are used.
///
/// Errors:      DataError naming the file, expected and found, if it is missing, holds no token or
///              half of one, has the header of another format, or an id is out of range.
TokenStream read_token_file(const std::string& path, const TokenFileFormat& format);

}  // namespace hecaton::recipes
