// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/batch_view.h"

#include <algorithm>
#include <cstdio>

#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

constexpr const char* kIndent = "  ";

std::string shown_token(int64_t id) {
  if (id == ByteTokenizer::kDocumentEndId) {
    return "<end>";
  }
  if (id > ByteTokenizer::kDocumentEndId) {
    return "<" + std::to_string(id) + ">";
  }
  if (id == '\n') {
    return std::string("\\n\n") + kIndent;
  }
  if (id < 0x20 || id == 0x7f) {
    char text[8];
    std::snprintf(text, sizeof(text), "\\x%02x", static_cast<unsigned>(id));
    return text;
  }
  return {static_cast<char>(id)};  // a byte of UTF-8 is shown with its neighbours
}

/// Text in which runs of tokens that are not trained on are marked.
class MarkedText {
 public:
  explicit MarkedText(bool uses_terminal) : uses_terminal_(uses_terminal) {}

  void add(int64_t id, bool is_trained) {
    mark(!is_trained);
    text_ += shown_token(id);
  }
  void add_line(const std::string& line) {
    mark(false);
    text_ += line + "\n" + kIndent;
  }
  std::string finish() {
    mark(false);
    return text_ + "\n";
  }

 private:
  void mark(bool is_marked) {
    if (is_marked != is_marked_) {
      text_ += is_marked ? (uses_terminal_ ? "\x1b[2m" : "⟦") : (uses_terminal_ ? "\x1b[0m" : "⟧");
      is_marked_ = is_marked;
    }
  }

  bool uses_terminal_;
  bool is_marked_ = false;
  std::string text_ = kIndent;
};

struct Row {
  const int64_t* input_Q = nullptr;
  const int64_t* target_Q = nullptr;
  const int32_t* document_idx_Q = nullptr;
  const bool* valid_Q = nullptr;
  int64_t num_valid = 0;
};

std::string decoded_row(const Row& row, bool uses_terminal) {
  MarkedText text(uses_terminal);
  for (int64_t q = 0; q < row.num_valid; ++q) {
    const bool starts = q == 0 || row.document_idx_Q[q] != row.document_idx_Q[q - 1];
    if (starts && q > 0) {
      text.add_line("");
      text.add_line("document " + std::to_string(row.document_idx_Q[q]) + ":");
    }
    text.add(row.input_Q[q], !starts && row.target_Q[q - 1] != kIgnoredTarget);
    const bool ends = q + 1 == row.num_valid || row.document_idx_Q[q + 1] != row.document_idx_Q[q];
    if (ends && row.target_Q[q] != kIgnoredTarget) {
      text.add(row.target_Q[q], true);  // nobody's input
    }
  }
  return text.finish();
}

}  // namespace

std::string decoded_batch(const Batch& batch, const BatchViewOptions& options) {
  const int64_t Q = batch.input_BQ.size(1);
  std::string text;
  for (int64_t b = 0; b < std::min(options.max_sequences, batch.input_BQ.size(0)); ++b) {
    Row row = {batch.input_BQ.const_data_ptr<int64_t>() + b * Q,
               batch.target_BQ.const_data_ptr<int64_t>() + b * Q,
               batch.document_idx_BQ.const_data_ptr<int32_t>() + b * Q,
               batch.valid_BQ.const_data_ptr<bool>() + b * Q,
               0};
    row.num_valid = std::count(row.valid_Q, row.valid_Q + Q, true);
    const auto num_ignored = std::count(row.target_Q, row.target_Q + Q, kIgnoredTarget);
    text += "sequence " + std::to_string(b) + ": " + std::to_string(row.num_valid) + " tokens, " +
            std::to_string(Q - num_ignored) + " trained on, " + std::to_string(Q - row.num_valid) +
            " padding\n" + decoded_row(row, options.uses_terminal);
  }
  return text;
}

}  // namespace hecaton::recipes
