// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/token_stream.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/mapped_file.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

template <typename Token>
TokenArray mapped(const std::string& path, TokenType type, const std::vector<Token>& tokens) {
  std::string bytes(tokens.size() * sizeof(Token), '\0');
  std::memcpy(bytes.data(), tokens.data(), bytes.size());
  write_bytes(path, bytes);
  return TokenArray(std::make_unique<const MappedFile>(path, "data", throw_as<DataError>), type);
}

std::vector<int64_t> ids_of(const TokenArray& tokens) {
  std::vector<int64_t> ids(static_cast<size_t>(tokens.size()));
  tokens.copy(0, tokens.size(), ids.data());
  return ids;
}

TEST(TokenArrayTest, ReadsEveryTypeOfId) {
  const TemporaryFolder folder;
  const std::string path = folder / "tokens";
  EXPECT_EQ(ids_of(TokenArray({1, 65535})), (std::vector<int64_t>{1, 65535}));
  EXPECT_EQ(ids_of(mapped<uint8_t>(path, TokenType::kUint8, {1, 255})),
            (std::vector<int64_t>{1, 255}));
  EXPECT_EQ(ids_of(mapped<uint16_t>(path, TokenType::kUint16, {1, 65535})),
            (std::vector<int64_t>{1, 65535}));
  EXPECT_EQ(ids_of(mapped<uint32_t>(path, TokenType::kUint32, {1, 4294967295})),
            (std::vector<int64_t>{1, 4294967295}));
  EXPECT_EQ(ids_of(mapped<int32_t>(path, TokenType::kInt32, {-1, 7})),
            (std::vector<int64_t>{-1, 7}));
  EXPECT_EQ(ids_of(mapped<int64_t>(path, TokenType::kInt64, {-1, int64_t{1} << 40})),
            (std::vector<int64_t>{-1, int64_t{1} << 40}));
}

TEST(TokenArrayTest, FindsTheFirstIdOutsideOfAVocabulary) {
  std::vector<uint16_t> ids(200'000, 9);  // several blocks of the scan
  EXPECT_FALSE(TokenArray(ids).scan(10).outside_idx.has_value());
  ids[150'001] = 10;
  ids[150'002] = 11;
  EXPECT_EQ(TokenArray(ids).scan(10).outside_idx, 150'001);
  const TemporaryFolder folder;
  EXPECT_EQ(mapped<int32_t>(folder / "a", TokenType::kInt32, {3, -1}).scan(10).outside_idx, 1);
}

TEST(TokenArrayTest, HashesEveryToken) {
  std::vector<uint16_t> ids(70'001, 1);
  const uint64_t hash = TokenArray(ids).scan(10).hash;
  EXPECT_EQ(TokenArray(ids).scan(5).hash, hash);
  for (const size_t place : {0U, 1U, 65'535U, 65'536U, 70'000U}) {
    std::vector<uint16_t> others = ids;
    others[place] ^= 0x8000U;
    EXPECT_NE(TokenArray(others).scan(10).hash, hash) << place;
    others[place == 0 ? 1 : 0] ^= 0x8000U;  // the same bit of two words must not cancel out
    EXPECT_NE(TokenArray(others).scan(10).hash, hash) << place;
  }
  ids.push_back(0);
  const uint64_t longer = TokenArray(ids).scan(10).hash;
  ids.push_back(0);
  EXPECT_NE(TokenArray(ids).scan(10).hash, longer);
}

TEST(TokenArrayTest, NeverReadsAFileThatWasCut) {
  const TemporaryFolder folder;
  const TokenArray tokens =
      mapped<uint16_t>(folder / "a", TokenType::kUint16, std::vector<uint16_t>(5000, 1));
  std::filesystem::resize_file(folder / "a", 100);
  int64_t id = 0;
  expect_error<DataError>(
      [&] { tokens.copy(4000, 1, &id); },
      (folder / "a") + ": changed while it was read: expected 10000 bytes, found 100");
  expect_error<DataError>([&] { tokens.scan(10); }, "changed while it was read");
}

TEST(TokenStreamTest, KnowsTheDocumentOfAToken) {
  TokenStreamBuilder builder;
  builder.add_document("ab");
  builder.add_document("");
  builder.add_document("c");
  const TokenStream stream = builder.finish();
  EXPECT_EQ(ids_of(stream.tokens), (std::vector<int64_t>{'a', 'b', 256, 256, 'c', 256}));
  EXPECT_EQ(stream.document_starts, (std::vector<int64_t>{0, 3, 4}));
  const std::vector<int64_t> documents = {0, 0, 0, 1, 2, 2};
  for (int64_t idx = 0; idx < 6; ++idx) {
    EXPECT_EQ(stream.document_of(idx), documents[static_cast<size_t>(idx)]);
  }
  EXPECT_EQ(stream.document_end(0), 3);
  EXPECT_EQ(stream.document_end(2), 6);
  EXPECT_TRUE(stream.is_trained.empty());
  EXPECT_TRUE(stream.trains_on(5));
}

TEST(TokenStreamTest, FingerprintsTokensDocumentsAndWhatIsTrained) {
  const auto fingerprint = [](const std::vector<std::vector<TextPart>>& documents) {
    TokenStreamBuilder builder;
    for (const std::vector<TextPart>& parts : documents) {
      builder.add_document(parts);
    }
    return builder.finish().fingerprint;
  };
  const uint64_t whole = fingerprint({{{"abcd"}}});
  EXPECT_EQ(fingerprint({{{"ab"}, {"cd"}}}), whole);
  EXPECT_NE(fingerprint({{{"abce"}}}), whole);
  EXPECT_NE(fingerprint({{{"ab"}}, {{"cd"}}}), whole);
  EXPECT_NE(fingerprint({{{"ab", false}, {"cd"}}}), whole);
  EXPECT_NE(fingerprint({{{"a", false}, {"bcd"}}}), fingerprint({{{"ab", false}, {"cd"}}}));
}

TEST(TokenStreamTest, NamesTheFirstIdThatTheVocabularyLacks) {
  TokenStream stream;
  stream.tokens = TokenArray({1, 2, 3, 4, 9});
  stream.document_starts = {0, 3};
  check_tokens(stream, "a.bin", 10);
  expect_error<DataError>([&] { check_tokens(stream, "a.bin", 9); },
                          "a.bin: document 1, token 1 (byte 8): expected an id below the "
                          "vocabulary size 9, found 9");
}

}  // namespace
}  // namespace hecaton::recipes
