// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/tokenizer.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;

TEST(ByteTokenizerTest, MakesEachByteAToken) {
  EXPECT_EQ(ByteTokenizer().encode("Az\n\xC3\xA9"),
            (std::vector<int64_t>{65, 122, 10, 0xC3, 0xA9}));
  EXPECT_TRUE(ByteTokenizer().encode("").empty());
}

TEST(ByteTokenizerTest, DecodesWhatItEncodedForEveryByte) {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) {
    text.push_back(static_cast<char>(byte));
  }
  const ByteTokenizer tokenizer;
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
}

TEST(ByteTokenizerTest, DecodesSpecialTokensToNothing) {
  EXPECT_EQ(
      ByteTokenizer().decode({'a', ByteTokenizer::kDocumentEndId, 'b', ByteTokenizer::kPaddingId}),
      "ab");
}

TEST(ByteTokenizerTest, RefusesIdsOutsideItsVocabulary) {
  expect_error<DataError>([] { ByteTokenizer().decode({258}); },
                          "token id: expected 0 to 257, found 258");
  expect_error<DataError>([] { ByteTokenizer().decode({-1}); }, "found -1");
}

}  // namespace
}  // namespace hecaton::recipes
