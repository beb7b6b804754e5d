// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/window_source.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "tests/recipes/data/text_dataset.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using Windows = std::vector<std::vector<Segment>>;

/// One window as text: inputs, targets (-: ignored), documents (.: padding).
std::vector<std::string> shown(const WindowSource& source,
                               int64_t window,
                               int64_t sequence_length) {
  const auto Q = static_cast<size_t>(sequence_length);
  std::vector<int64_t> input_Q(Q, ' ');
  std::vector<int64_t> target_Q(Q, kIgnoredTarget);
  std::vector<int32_t> document_idx_Q(Q, kPaddingDocument);
  const auto valid_Q = std::make_unique<bool[]>(Q);
  const int64_t num_targets =
      source.fill(window, {input_Q.data(), target_Q.data(), document_idx_Q.data(), valid_Q.get()});
  std::vector<std::string> lines(3);
  int64_t num_counted = 0;
  for (size_t q = 0; q < Q; ++q) {
    const bool is_target = target_Q[q] != kIgnoredTarget;
    num_counted += is_target ? 1 : 0;
    lines[0] += input_Q[q] == 256 ? '#' : static_cast<char>(input_Q[q]);
    lines[1] += !is_target ? '-' : target_Q[q] == 256 ? '#' : static_cast<char>(target_Q[q]);
    lines[2] += document_idx_Q[q] < 0 ? "." : std::to_string(document_idx_Q[q]);
    EXPECT_EQ(valid_Q[q], input_Q[q] != ' ');
  }
  EXPECT_EQ(num_targets, num_counted);
  return lines;
}

TEST(StreamWindowsTest, NumbersTheDocumentsOfAWindow) {
  const StreamWindows windows(stream_of({"abc", "", "d", "ef"}), 6, false);  // abc# # d# ef#
  ASSERT_EQ(windows.num_windows(), 2);
  EXPECT_EQ(shown(windows, 0, 6), (std::vector<std::string>{"abc##d", "bc#--#", "000012"}));
  EXPECT_EQ(shown(windows, 1, 6), (std::vector<std::string>{"#ef   ", "-f#---", "011..."}));
}

TEST(StreamWindowsTest, PassesOverDocumentsWithoutATokenOfTheirOwn) {
  TokenStream stream = stream_of({"ab", "cd"});  // ab# cd#
  stream.document_starts = {0, 0, 3, 3, 3, 6, 6};
  const StreamWindows windows(std::move(stream), 8, false);
  EXPECT_EQ(shown(windows, 0, 8), (std::vector<std::string>{"ab#cd   ", "b#-d#---", "00011..."}));
}

TEST(StreamWindowsTest, CrossesDocumentsWhenAsked) {
  const StreamWindows windows(stream_of({"ab", "c"}), 6, true);
  EXPECT_EQ(shown(windows, 0, 6), (std::vector<std::string>{"ab#c  ", "b#c#--", "000000"}));
}

TEST(StreamWindowsTest, HasNoWindowWithoutASecondToken) {
  EXPECT_EQ(StreamWindows(stream_of({}), 4, false).num_windows(), 0);
  EXPECT_EQ(StreamWindows(stream_of({""}), 4, false).num_windows(), 0);
  EXPECT_EQ(StreamWindows(stream_of({"a"}), 4, false).num_windows(), 1);
}

TEST(SegmentWindowsTest, KeepsSegmentsApart) {
  TokenStreamBuilder builder;
  builder.add_document({{"ab", false}, {"c", true, true}});
  builder.add_document({{"d", false}, {"e", true, true}});
  TokenStream stream = builder.finish();
  const Windows packed = pack_documents(stream, 8);
  const SegmentWindows windows(std::move(stream), packed);
  ASSERT_EQ(windows.num_windows(), 1);
  // The end of a document is nobody's input.
  EXPECT_EQ(shown(windows, 0, 8), (std::vector<std::string>{"abcde   ", "-c#e#---", "00011..."}));
}

TEST(SegmentWindowsTest, GivesEachDocumentWindowsOfItsOwn) {
  TokenStream stream = stream_of({"abcd", "", "ef", "g"});
  const Windows cut = cut_documents(stream, 3);
  EXPECT_EQ(cut, (Windows{{{0, 3}}, {{3, 1}}, {{6, 2}}, {{9, 1}}}));
  const SegmentWindows windows(std::move(stream), cut);
  EXPECT_EQ(shown(windows, 0, 3), (std::vector<std::string>{"abc", "bcd", "000"}));
  EXPECT_EQ(shown(windows, 1, 3), (std::vector<std::string>{"d  ", "#--", "0.."}));
  EXPECT_EQ(shown(windows, 3, 3), (std::vector<std::string>{"g  ", "#--", "0.."}));
}

TEST(PackingTest, FillsTheWindowThatFitsBest) {
  // Inputs 3, 2, 2, 1, 4: the document of 1 fills the first window, not the second or third.
  const TokenStream stream = stream_of({"abc", "de", "fg", "h", "ijkl"});
  EXPECT_EQ(pack_documents(stream, 4), (Windows{{{0, 3}, {10, 1}}, {{4, 2}, {7, 2}}, {{12, 4}}}));
}

TEST(PackingTest, PutsEveryDocumentIntoOneWindowWhole) {
  const CounterRng rng(/*seed=*/2, "lengths");
  std::vector<std::string> texts;
  for (uint64_t i = 0; i < 500; ++i) {
    texts.emplace_back(rng.bits(i) % 33, 'a');
  }
  constexpr int64_t kLength = 32;
  const TokenStream stream = stream_of(texts);
  const Windows windows = pack_documents(stream, kLength);
  std::vector<bool> is_packed(texts.size(), false);
  int64_t num_inputs = 0;
  for (const std::vector<Segment>& segments : windows) {
    int64_t num_filled = 0;
    for (const Segment& segment : segments) {
      const auto document = static_cast<size_t>(stream.document_of(segment.first));
      EXPECT_FALSE(is_packed[document]);
      is_packed[document] = true;
      EXPECT_EQ(segment.num_inputs, static_cast<int64_t>(texts[document].size()));
      num_filled += segment.num_inputs;
    }
    EXPECT_LE(num_filled, kLength);
    num_inputs += num_filled;
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(is_packed[i], !texts[i].empty()) << i;  // an end alone has no target
  }
  const auto num_places = static_cast<double>(windows.size()) * kLength;
  EXPECT_GT(static_cast<double>(num_inputs) / num_places, 0.95);
}

TEST(PackingTest, RefusesADocumentThatDoesNotFit) {
  EXPECT_EQ(pack_documents(stream_of({"abcd"}), 4).size(), 1U);
  expect_error<InternalError>([] { pack_documents(stream_of({"abcde"}), 4); },
                              "a document must fit into a window");
}

}  // namespace
}  // namespace hecaton::recipes
