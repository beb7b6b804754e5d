// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/token_stream.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

std::string_view bytes_of(const std::vector<int64_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int64_t)};
}

/// The places where being trained on begins or ends.
std::vector<int64_t> changes_of(const std::vector<bool>& is_trained) {
  std::vector<int64_t> changes;
  for (size_t i = 1; i < is_trained.size(); ++i) {
    if (is_trained[i] != is_trained[i - 1]) {
      changes.push_back(static_cast<int64_t>(i));
    }
  }
  return changes;
}

}  // namespace

int64_t TokenStream::document_end(int64_t document) const {
  return document + 1 < num_documents() ? document_starts[static_cast<size_t>(document) + 1]
                                        : num_tokens();
}

int64_t TokenStream::document_of(int64_t token_idx) const {
  return std::upper_bound(document_starts.begin(), document_starts.end(), token_idx) -
         document_starts.begin() - 1;
}

void TokenStreamBuilder::add_document(const std::vector<TextPart>& parts) {
  document_starts_.push_back(static_cast<int64_t>(tokens_.size()));
  for (const TextPart& part : parts) {
    const size_t start = tokens_.size();
    tokens_.resize(start + part.text.size() + (part.has_end ? 1 : 0),
                   ByteTokenizer::kDocumentEndId);
    std::transform(part.text.begin(),
                   part.text.end(),
                   tokens_.begin() + static_cast<std::ptrdiff_t>(start),
                   ByteTokenizer::token_of);
    is_trained_.resize(tokens_.size(), part.is_trained);
    has_untrained_ = has_untrained_ || !part.is_trained;
  }
}

TokenStream TokenStreamBuilder::finish() {
  TokenStream stream;
  stream.tokens = TokenArray(std::move(tokens_));
  stream.document_starts = std::move(document_starts_);
  if (has_untrained_) {
    stream.is_trained = std::move(is_trained_);
  }
  check_tokens(stream, "text", ByteTokenizer::kVocabSize);
  return stream;
}

void check_tokens(TokenStream& stream, const std::string& path, int64_t vocab_size) {
  const TokenArray::Scan scan = stream.tokens.scan(vocab_size);
  if (scan.outside_idx) {
    int64_t id = 0;
    stream.tokens.copy(*scan.outside_idx, 1, &id);
    const int64_t document = stream.document_of(*scan.outside_idx);
    const int64_t start = stream.document_starts[static_cast<size_t>(document)];
    throw DataError(path + ": document " + std::to_string(document) + ", token " +
                    std::to_string(*scan.outside_idx - start) + " (byte " +
                    std::to_string(*scan.outside_idx * token_bytes(stream.tokens.type())) +
                    "): expected an id below the vocabulary size " + std::to_string(vocab_size) +
                    ", found " + std::to_string(id));
  }
  // Chained, so that equal parts in other places are another stream.
  const auto chain = [](uint64_t before, std::string_view bytes) {
    return hash_name(std::to_string(before) + "." + std::to_string(hash_name(bytes)));
  };
  stream.fingerprint = chain(scan.hash, bytes_of(stream.document_starts));
  if (!stream.is_trained.empty()) {
    stream.fingerprint = chain(stream.fingerprint, bytes_of(changes_of(stream.is_trained)));
  }
}

}  // namespace hecaton::recipes
