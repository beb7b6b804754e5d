// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/batch_view.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/recipes/data/text_dataset.h"

namespace hecaton::recipes {
namespace {

Batch example_batch() {
  TokenStreamBuilder builder;
  builder.add_document({{"2+2=", false}, {"4", true, true}});
  builder.add_document({{"a\x1b[0m\n", false}, {"\xC3\xA9", true, true}});
  TokenStream stream = builder.finish();
  const auto windows = pack_documents(stream, 16);
  std::vector<DataSource> sources;
  sources.push_back({"a", std::make_unique<SegmentWindows>(std::move(stream), windows)});
  return TokenDataset(std::move(sources), 16, /*seed=*/1).window_batch(0, 3);
}

TEST(BatchViewTest, MarksWhatIsNotTrainedOn) {
  EXPECT_EQ(decoded_batch(example_batch(), {.max_sequences = 1}),
            "sequence 0: 13 tokens, 5 trained on, 3 padding\n"
            "  ⟦2+2=⟧4<end>\n"
            "  document 1:\n"
            "  ⟦a\\x1b[0m\\n\n"
            "  ⟧\xC3\xA9<end>\n");
}

TEST(BatchViewTest, DimsItOnATerminal) {
  const std::string text =
      decoded_batch(example_batch(), {.max_sequences = 1, .uses_terminal = true});
  EXPECT_NE(text.find("  \x1b[2m2+2=\x1b[0m4<end>\n"), std::string::npos) << text;
}

TEST(BatchViewTest, ShowsTheFirstSequencesOfAStream) {
  const Batch batch = text_dataset({"ab", "c"}, 3).window_batch(0, 2);
  EXPECT_EQ(decoded_batch(batch, {.max_sequences = 9}),
            "sequence 0: 3 tokens, 2 trained on, 0 padding\n"
            "  ⟦a⟧b<end>\n"
            "sequence 1: 1 tokens, 1 trained on, 2 padding\n"
            "  ⟦c⟧<end>\n");
}

TEST(BatchViewTest, ShowsOtherIdsAsNumbers) {
  TokenStream stream;
  stream.tokens = TokenArray({300, 7, 301});
  stream.document_starts = {0};
  std::vector<DataSource> sources;
  sources.push_back({"a", std::make_unique<StreamWindows>(std::move(stream), 2, false)});
  EXPECT_EQ(decoded_batch(TokenDataset(std::move(sources), 2, 1).window_batch(0, 1)),
            "sequence 0: 2 tokens, 2 trained on, 0 padding\n"
            "  ⟦<300>⟧\\x07<301>\n");
}

}  // namespace
}  // namespace hecaton::recipes
