// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <vector>

#include "recipes/data/token_stream.h"

namespace hecaton::recipes {

/// Where a source puts one window: Q places each, which hold padding when they are handed over.
struct WindowRow {
  int64_t* input_Q = nullptr;
  int64_t* target_Q = nullptr;
  int32_t* document_idx_Q = nullptr;
  bool* valid_Q = nullptr;
};

/// Data cut into windows of Q tokens with their targets.
///
/// Determinism: a window depends on the files and Q alone.
class WindowSource {
 public:
  virtual ~WindowSource() = default;

  virtual int64_t num_windows() const = 0;
  virtual int64_t num_tokens() const = 0;
  virtual int64_t num_documents() const = 0;
  /// Of the content: tells whether a resumed run reads the same data.
  virtual uint64_t fingerprint() const = 0;

  /// Writes window `window` of [0, num_windows()) and returns the number of its targets.
  virtual int64_t fill(int64_t window, const WindowRow& row) const = 0;
};

/// Cuts a stream into windows wherever they end.
///
/// Formula:     window w has inputs tokens[w*Q + q] and targets tokens[w*Q + q + 1], q = 0..Q-1, so
///              every token but the first is a target once. The last window is filled up with
///              padding. Unless cross_document_attention, the first token of a document is no
///              target, and document_idx_Q numbers the documents of the window from 0; with it,
///              document_idx_Q is 0.
class StreamWindows : public WindowSource {
 public:
  /// stream:      without tokens that are not trained on.
  StreamWindows(TokenStream stream, int64_t sequence_length, bool cross_document_attention);

  int64_t num_windows() const override;
  int64_t num_tokens() const override { return stream_.num_tokens(); }
  int64_t num_documents() const override { return stream_.num_documents(); }
  uint64_t fingerprint() const override { return stream_.fingerprint; }
  int64_t fill(int64_t window, const WindowRow& row) const override;

 private:
  TokenStream stream_;
  int64_t sequence_length_;
  bool crosses_documents_;
};

/// Tokens side by side within one document: inputs first to first + num_inputs - 1, each with the
/// token that follows it as its target.
struct Segment {
  int64_t first = 0;
  int64_t num_inputs = 0;

  bool operator==(const Segment&) const = default;
};

/// Windows that hold whole segments, each apart from the others and numbered from 0, and then
/// padding. The last token of a document is a target and no input: nothing follows it.
class SegmentWindows : public WindowSource {
 public:
  /// windows: the segments of each; of at most Q inputs together.
  SegmentWindows(TokenStream stream, const std::vector<std::vector<Segment>>& windows);

  int64_t num_windows() const override { return static_cast<int64_t>(window_starts_.size()) - 1; }
  int64_t num_tokens() const override { return stream_.num_tokens(); }
  int64_t num_documents() const override { return stream_.num_documents(); }
  uint64_t fingerprint() const override { return stream_.fingerprint; }
  int64_t fill(int64_t window, const WindowRow& row) const override;

 private:
  TokenStream stream_;
  std::vector<Segment> segments_;
  std::vector<int64_t> window_starts_;  ///< first segment of each window, and one past the last
};

/// Each document from the start of a window of its own, cut into windows of Q inputs where it is
/// longer.
std::vector<std::vector<Segment>> cut_documents(const TokenStream& stream, int64_t sequence_length);

/// Whole documents, several a window. Each goes, in their order, into the window that it fills up
/// best, the oldest of equals; or into a new one.
///
/// Errors:      InternalError for a document of more than Q + 1 tokens.
/// Cost:        one look-up among the open windows a document.
std::vector<std::vector<Segment>> pack_documents(const TokenStream& stream,
                                                 int64_t sequence_length);

}  // namespace hecaton::recipes
