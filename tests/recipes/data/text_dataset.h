// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "recipes/data/dataset.h"
#include "recipes/data/token_stream.h"
#include "recipes/data/window_source.h"

namespace hecaton::recipes {

/// Each text as a document.
inline TokenStream stream_of(const std::vector<std::string>& texts) {
  TokenStreamBuilder stream;
  for (const std::string& text : texts) {
    stream.add_document(text);
  }
  return stream.finish();
}

/// The same, packed, as the one source of a data set.
inline TokenDataset text_dataset(const std::vector<std::string>& texts,
                                 int64_t sequence_length,
                                 bool cross_document_attention = false,
                                 uint64_t seed = 1) {
  std::vector<DataSource> sources;
  sources.push_back({"text",
                     std::make_unique<StreamWindows>(
                         stream_of(texts), sequence_length, cross_document_attention)});
  return TokenDataset(std::move(sources), sequence_length, seed);
}

}  // namespace hecaton::recipes
