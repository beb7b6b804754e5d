// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/token_files.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

std::string uint16_bytes(const std::vector<uint16_t>& ids) {
  std::string bytes;
  for (const uint16_t id : ids) {
    bytes.push_back(static_cast<char>(id & 0xff));
    bytes.push_back(static_cast<char>(id >> 8));
  }
  return bytes;
}

TEST(TokenFilesTest, ReadsAFileAsOneDocument) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", uint16_bytes({1, 2, 500}));
  const TokenStream stream = read_token_file(folder / "a", {.vocab_size = 501});
  EXPECT_EQ(stream.num_tokens(), 3);
  EXPECT_EQ(stream.document_starts, (std::vector<int64_t>{0}));
  const TokenStream wide =
      read_token_file(folder / "a", {.type = TokenType::kUint8, .vocab_size = 501});
  EXPECT_EQ(wide.num_tokens(), 6);
}

TEST(TokenFilesTest, CutsAFileAtItsDocumentEnds) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", uint16_bytes({1, 9, 9, 2, 3, 9}));
  EXPECT_EQ(read_token_file(folder / "a", {.document_end_id = 9, .vocab_size = 10}).document_starts,
            (std::vector<int64_t>{0, 2, 3}));
  std::vector<uint16_t> ids(200'000, 1);  // several blocks
  ids[65'535] = 9;
  ids[131'072] = 9;
  write_bytes(folder / "b", uint16_bytes(ids));
  EXPECT_EQ(read_token_file(folder / "b", {.document_end_id = 9, .vocab_size = 10}).document_starts,
            (std::vector<int64_t>{0, 65'536, 131'073}));
}

TEST(TokenFilesTest, RefusesWhatIsNotTokensAlone) {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  const auto expect_refused = [&](const std::string& bytes, const std::string& text) {
    write_bytes(path, bytes);
    expect_error<DataError>([&] { read_token_file(path, {.vocab_size = 65536}); },
                            path + ": " + text);
  };
  expect_refused("", "expected a multiple of 2 bytes, tokens of uint16, found 0");
  expect_refused("abc", "expected a multiple of 2 bytes, tokens of uint16, found 3");
  const std::string nothing_else = "byte 0: expected token ids and nothing else, found ";
  expect_refused("\x93NUMPY\x01\x02", nothing_else + "a NumPy header");
  expect_refused(std::string("MMIDIDX\0\0\1", 10),
                 nothing_else + "the index of a Megatron data set (format: megatron)");
  expect_refused(std::string("\x88\xd8\x34\x01\x01\0\0\0\5\0", 10),
                 nothing_else + "the header of llm.c's GPT-2 token files");
  expect_refused(std::string("\xa1\xd9\x34\x01\x07\0\0\0\5\0", 10),
                 nothing_else + "the header of llm.c's Llama 3 token files");
  expect_error<DataError>([&] { read_token_file(folder / "gone", {.vocab_size = 9}); },
                          "data not found: " + (folder / "gone"));
}

TEST(TokenFilesTest, RefusesAnIdBeyondTheVocabulary) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", uint16_bytes({1, 9, 2, 300}));
  expect_error<DataError>(
      [&] { read_token_file(folder / "a", {.document_end_id = 9, .vocab_size = 258}); },
      (folder / "a") + ": document 1, token 1 (byte 6): expected an id below the vocabulary size " +
          "258, found 300");
}

}  // namespace
}  // namespace hecaton::recipes
