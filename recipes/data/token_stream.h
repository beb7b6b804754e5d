// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "recipes/data/token_array.h"

namespace hecaton::recipes {

/// Documents as one row of tokens. An example of fine-tuning is a document, too.
struct TokenStream {
  TokenArray tokens;
  std::vector<int64_t> document_starts;  ///< first token of each document, ascending
  /// Whether a token is trained on where it is the next one. Empty: all are.
  std::vector<bool> is_trained;
  /// Of tokens, document_starts and is_trained: tells whether a resumed run reads the same data.
  uint64_t fingerprint = 0;

  int64_t num_tokens() const { return tokens.size(); }
  int64_t num_documents() const { return static_cast<int64_t>(document_starts.size()); }
  /// One past the last token of a document.
  int64_t document_end(int64_t document) const;
  /// The document that a token lies in; of documents without a token, which share its place, the
  /// one that has it.
  int64_t document_of(int64_t token_idx) const;
  bool trains_on(int64_t token_idx) const {
    return is_trained.empty() || is_trained[static_cast<size_t>(token_idx)];
  }
};

/// A part of a text, and whether it is trained on.
struct TextPart {
  std::string_view text;
  bool is_trained = true;
  bool has_end = false;  ///< the document end follows and is trained on as the text is
};

/// Collects documents of byte tokens in memory, two bytes a token.
class TokenStreamBuilder {
 public:
  /// All of `text` and the document end.
  void add_document(std::string_view text) { add_document({{text, true, true}}); }
  void add_document(const std::vector<TextPart>& parts);

  int64_t num_documents() const { return static_cast<int64_t>(document_starts_.size()); }

  /// Hands the documents out. Call once.
  TokenStream finish();

 private:
  std::vector<uint16_t> tokens_;
  std::vector<int64_t> document_starts_;
  std::vector<bool> is_trained_;
  bool has_untrained_ = false;
};

/// Reads all tokens of a stream once: sets its fingerprint and checks the ids.
///
/// path:        of the tokens, for the message.
/// Errors:      DataError naming document and token of the first id outside [0, vocab_size).
void check_tokens(TokenStream& stream, const std::string& path, int64_t vocab_size);

}  // namespace hecaton::recipes
