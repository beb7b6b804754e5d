// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/tokenizer.h"

#include <algorithm>

#include "core/error.h"

namespace hecaton::recipes {

std::vector<int64_t> ByteTokenizer::encode(std::string_view text) const {
  std::vector<int64_t> token_ids(text.size());
  std::transform(text.begin(), text.end(), token_ids.begin(), token_of);
  return token_ids;
}

std::string ByteTokenizer::decode(const std::vector<int64_t>& token_ids) const {
  std::string text;
  text.reserve(token_ids.size());
  for (const int64_t id : token_ids) {
    if (id < 0 || id >= kVocabSize) {
      throw DataError("token id: expected 0 to " + std::to_string(kVocabSize - 1) + ", found " +
                      std::to_string(id));
    }
    if (id < kDocumentEndId) {
      text.push_back(static_cast<char>(id));
    }
  }
  return text;
}

}  // namespace hecaton::recipes
