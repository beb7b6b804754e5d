// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hecaton::recipes {

/// Each byte is a token, so that any text in any language or encoding is represented exactly and
/// nothing has to be trained or downloaded. Two more tokens mark the end of a document and padding.
class ByteTokenizer {
 public:
  static constexpr int64_t kDocumentEndId = 256;
  static constexpr int64_t kPaddingId = 257;  ///< all ids below it may be drawn
  static constexpr int64_t kVocabSize = 258;

  /// The token of one byte.
  static uint16_t token_of(char byte) { return static_cast<unsigned char>(byte); }

  /// The tokens of a text, without a document end.
  std::vector<int64_t> encode(std::string_view text) const;

  /// The text of tokens. The document end and padding have no text. A token sequence of a model may
  /// be no valid UTF-8. Errors: DataError for an id outside [0, kVocabSize).
  std::string decode(const std::vector<int64_t>& token_ids) const;
};

}  // namespace hecaton::recipes
