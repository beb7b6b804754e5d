// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recipes/data/token_stream.h"

// A data set of Megatron-LM is PREFIX.bin, the tokens and nothing else, and PREFIX.idx, which says
// where sequences and documents begin. docs/data.md describes both byte by byte.

namespace hecaton::recipes {

/// PREFIX of PREFIX, PREFIX.bin or PREFIX.idx.
std::string megatron_prefix(const std::string& path);

/// Opens a data set of Megatron-LM. The tokens stay in the file until they are used.
///
/// Checked:     before anything is believed: magic, version, dtype, the counts against the size of
///              the index (so that a hostile file costs no more memory than its own size), the
///              length and place of each sequence, the order of the documents, the size of the
///              token file, every token id.
/// Deviations:  sequences lie side by side in the order of the index, as every writer leaves them;
///              ids are uint8, uint16, int32 or int64; the modes of multimodal sets are refused.
/// path:        as megatron_prefix takes it. vocab_size: ids are below it.
/// Errors:      DataError naming the file, the field or byte, expected and found.
TokenStream read_megatron(const std::string& path, int64_t vocab_size);

/// Writes a data set document by document, each as one sequence. Both files appear under their
/// names with commit() only; the index comes last and vouches for the tokens.
///
/// Errors: IoError naming the path and the cause, from every method.
class MegatronWriter {
 public:
  /// type:        kUint8, kUint16, kInt32 or kInt64.
  /// Errors:      ConfigError if one of the files exists.
  MegatronWriter(const std::string& prefix, TokenType type);
  ~MegatronWriter();

  /// ids:         within the range of the type.
  /// Errors:      DataError if there are more than 2^31 - 1, the most that the format can count;
  ///              InternalError for an id out of range.
  void add_document(const std::vector<int64_t>& ids);

  /// Finishes both files. Call once, last.
  void commit();

  int64_t num_documents() const { return static_cast<int64_t>(lengths_.size()); }
  int64_t num_tokens() const { return num_tokens_; }
  /// Of the tokens; the index is 42 + 20 bytes a document.
  int64_t num_bytes() const { return num_tokens_ * token_bytes(type_); }

 private:
  class Appender;

  TokenType type_;
  std::string index_path_;
  std::unique_ptr<Appender> tokens_;
  int64_t num_tokens_ = 0;
  std::vector<int32_t> lengths_;
};

}  // namespace hecaton::recipes
