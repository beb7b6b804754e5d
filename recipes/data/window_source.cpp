// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/window_source.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "core/check.h"

namespace hecaton::recipes {

StreamWindows::StreamWindows(TokenStream stream,
                             int64_t sequence_length,
                             bool cross_document_attention)
    : stream_(std::move(stream)),
      sequence_length_(sequence_length),
      crosses_documents_(cross_document_attention) {
  HECATON_CHECK(stream_.is_trained.empty(), "a window of a stream is trained on as a whole");
}

int64_t StreamWindows::num_windows() const {
  // The last token is nobody's input: nothing follows it.
  const int64_t num_inputs = std::max<int64_t>(num_tokens() - 1, 0);
  return (num_inputs + sequence_length_ - 1) / sequence_length_;
}

int64_t StreamWindows::fill(int64_t window, const WindowRow& row) const {
  const int64_t begin = window * sequence_length_;
  const int64_t num_inputs = std::min(sequence_length_, num_tokens() - 1 - begin);
  std::vector<int64_t> ids(static_cast<size_t>(num_inputs) + 1);
  stream_.tokens.copy(begin, num_inputs + 1, ids.data());
  std::copy_n(ids.begin(), num_inputs, row.input_Q);
  std::fill_n(row.valid_Q, num_inputs, true);
  if (crosses_documents_) {
    std::copy_n(ids.begin() + 1, num_inputs, row.target_Q);
    std::fill_n(row.document_idx_Q, sequence_length_, 0);
    return num_inputs;
  }
  const std::vector<int64_t>& starts = stream_.document_starts;
  auto next_start = std::upper_bound(starts.begin(), starts.end(), begin);
  int32_t document_idx = 0;
  int64_t num_targets = 0;
  for (int64_t q = 0; q < num_inputs; ++q) {
    row.document_idx_Q[q] = document_idx;
    if (next_start == starts.end() || *next_start != begin + q + 1) {
      row.target_Q[q] = ids[static_cast<size_t>(q) + 1];
      ++num_targets;
    } else {
      next_start = std::upper_bound(next_start, starts.end(), begin + q + 1);
      ++document_idx;
    }
  }
  return num_targets;
}

SegmentWindows::SegmentWindows(TokenStream stream, const std::vector<std::vector<Segment>>& windows)
    : stream_(std::move(stream)) {
  window_starts_.reserve(windows.size() + 1);
  window_starts_.push_back(0);
  for (const std::vector<Segment>& segments : windows) {
    segments_.insert(segments_.end(), segments.begin(), segments.end());
    window_starts_.push_back(static_cast<int64_t>(segments_.size()));
  }
}

int64_t SegmentWindows::fill(int64_t window, const WindowRow& row) const {
  const int64_t first_segment = window_starts_[static_cast<size_t>(window)];
  const int64_t end_segment = window_starts_[static_cast<size_t>(window) + 1];
  std::vector<int64_t> ids;
  int64_t place = 0;
  int64_t num_targets = 0;
  for (int64_t idx = first_segment; idx < end_segment; ++idx) {
    const Segment& segment = segments_[static_cast<size_t>(idx)];
    ids.resize(static_cast<size_t>(segment.num_inputs) + 1);
    stream_.tokens.copy(segment.first, segment.num_inputs + 1, ids.data());
    for (int64_t i = 0; i < segment.num_inputs; ++i, ++place) {
      row.input_Q[place] = ids[static_cast<size_t>(i)];
      row.valid_Q[place] = true;
      row.document_idx_Q[place] = static_cast<int32_t>(idx - first_segment);
      if (stream_.trains_on(segment.first + i + 1)) {
        row.target_Q[place] = ids[static_cast<size_t>(i) + 1];
        ++num_targets;
      }
    }
  }
  return num_targets;
}

std::vector<std::vector<Segment>> cut_documents(const TokenStream& stream,
                                                int64_t sequence_length) {
  std::vector<std::vector<Segment>> windows;
  for (int64_t document = 0; document < stream.num_documents(); ++document) {
    const int64_t last = stream.document_end(document) - 1;
    for (int64_t first = stream.document_starts[static_cast<size_t>(document)]; first < last;
         first += sequence_length) {
      windows.push_back({{first, std::min(sequence_length, last - first)}});
    }
  }
  return windows;
}

std::vector<std::vector<Segment>> pack_documents(const TokenStream& stream,
                                                 int64_t sequence_length) {
  std::vector<std::vector<Segment>> windows;
  std::set<std::pair<int64_t, size_t>> open;  // free places and window
  for (int64_t document = 0; document < stream.num_documents(); ++document) {
    const int64_t first = stream.document_starts[static_cast<size_t>(document)];
    const int64_t num_inputs = stream.document_end(document) - first - 1;
    HECATON_CHECK_LE(num_inputs, sequence_length, "a document must fit into a window");
    if (num_inputs < 1) {
      continue;
    }
    const auto best = open.lower_bound({num_inputs, 0});
    std::pair<int64_t, size_t> room{sequence_length, windows.size()};
    if (best == open.end()) {
      windows.emplace_back();
    } else {
      room = *best;
      open.erase(best);
    }
    windows[room.second].push_back({first, num_inputs});
    if (room.first > num_inputs) {
      open.insert({room.first - num_inputs, room.second});
    }
  }
  return windows;
}

}  // namespace hecaton::recipes
