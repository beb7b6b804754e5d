// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/megatron_files.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::read_bytes;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

using Documents = std::vector<std::vector<int64_t>>;

const Documents kTwoDocuments = {{1, 2, 3}, {4, 5}};

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// The bytes that Megatron-LM writes for kTwoDocuments as uint16.
std::string golden_tokens() {
  return from_hex("01000200030004000500");
}
std::string golden_index() {
  return from_hex(
      "4d4d4944494458000001000000000000000802000000000000000300000000000000030000000200000000000000"
      "000000000600000000000000000000000000000001000000000000000200000000000000");
}

void write_documents(const std::string& prefix, TokenType type, const Documents& documents) {
  MegatronWriter writer(prefix, type);
  for (const std::vector<int64_t>& ids : documents) {
    writer.add_document(ids);
  }
  writer.commit();
}

Documents documents_of(const TokenStream& stream) {
  Documents documents;
  for (int64_t document = 0; document < stream.num_documents(); ++document) {
    const int64_t start = stream.document_starts[static_cast<size_t>(document)];
    std::vector<int64_t> ids(static_cast<size_t>(stream.document_end(document) - start));
    stream.tokens.copy(start, static_cast<int64_t>(ids.size()), ids.data());
    documents.push_back(ids);
  }
  return documents;
}

class MegatronFilesTest : public ::testing::Test {
 protected:
  std::string prefix() const { return folder_ / "set"; }
  std::string index_path() const { return prefix() + ".idx"; }
  std::string tokens_path() const { return prefix() + ".bin"; }

  void write_golden(const std::string& index) const {
    write_bytes(tokens_path(), golden_tokens());
    write_bytes(index_path(), index);
  }

  /// Expects the golden index with `value` at `offset` to be refused.
  template <typename Value>
  void expect_refused(size_t offset, Value value, const std::string& text) const {
    std::string index = golden_index();
    std::memcpy(index.data() + offset, &value, sizeof(value));
    write_golden(index);
    expect_error<DataError>([&] { read_megatron(prefix(), 258); }, index_path() + ": " + text);
  }

  TemporaryFolder folder_;
};

TEST_F(MegatronFilesTest, WritesTheBytesOfTheFormat) {
  write_documents(prefix(), TokenType::kUint16, kTwoDocuments);
  EXPECT_EQ(read_bytes(tokens_path()), golden_tokens());
  EXPECT_EQ(read_bytes(index_path()), golden_index());
}

TEST_F(MegatronFilesTest, ReadsTheBytesOfTheFormat) {
  write_golden(golden_index());
  for (const std::string& path : {prefix(), index_path(), tokens_path()}) {
    const TokenStream stream = read_megatron(path, 258);
    EXPECT_EQ(documents_of(stream), kTwoDocuments);
    EXPECT_EQ(stream.tokens.type(), TokenType::kUint16);
  }
}

TEST_F(MegatronFilesTest, ReadsWhatItWrites) {
  Documents documents = {{}, {7}, std::vector<int64_t>(600'000, 9), {}};  // over one piece
  for (const TokenType type :
       {TokenType::kUint8, TokenType::kUint16, TokenType::kInt32, TokenType::kInt64}) {
    const std::string path = folder_ / token_type_name(type);
    write_documents(path, type, documents);
    EXPECT_EQ(documents_of(read_megatron(path, 10)), documents) << token_type_name(type);
  }
}

TEST_F(MegatronFilesTest, JoinsTheSequencesOfADocument) {
  // One document of both sequences: a boundary fewer.
  std::string index = golden_index();
  index[26] = 2;
  index.erase(34 + 12 * 2 + 8, 8);
  write_golden(index);
  EXPECT_EQ(documents_of(read_megatron(prefix(), 258)), (Documents{{1, 2, 3, 4, 5}}));
}

TEST_F(MegatronFilesTest, CountsWhatItWrites) {
  MegatronWriter writer(prefix(), TokenType::kInt32);
  writer.add_document({1, 2});
  writer.add_document({});
  EXPECT_EQ(writer.num_documents(), 2);
  EXPECT_EQ(writer.num_tokens(), 2);
  EXPECT_EQ(writer.num_bytes(), 8);
}

TEST_F(MegatronFilesTest, RefusesAnIdThatItsTypeCannotHold) {
  for (const int64_t id : {-1, 65536}) {
    MegatronWriter writer(prefix(), TokenType::kUint16);
    expect_error<InternalError>([&] { writer.add_document({id}); },
                                "an id must fit the type of the file");
  }
}

TEST_F(MegatronFilesTest, LeavesNothingWithoutACommit) {
  {
    MegatronWriter writer(prefix(), TokenType::kUint16);
    writer.add_document({1});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(MegatronFilesTest, OverwritesNothing) {
  for (const std::string& path : {tokens_path(), index_path()}) {
    write_bytes(path, "mine");
    expect_error<ConfigError>([&] { MegatronWriter(prefix(), TokenType::kUint16); },
                              path + ": exists and is not overwritten");
    EXPECT_EQ(read_bytes(path), "mine");
    std::filesystem::remove(path);
  }
  expect_error<IoError>([&] { MegatronWriter(folder_ / "no/folder", TokenType::kUint16); },
                        "no/folder.bin");
  expect_error<InternalError>([&] { MegatronWriter(prefix(), TokenType::kUint32); },
                              ".idx files have no code for uint32");
}

TEST_F(MegatronFilesTest, RefusesAMissingFile) {
  expect_error<DataError>([&] { read_megatron(prefix(), 258); }, "data not found: " + index_path());
  write_bytes(index_path(), golden_index());
  expect_error<DataError>([&] { read_megatron(prefix(), 258); },
                          "data not found: " + tokens_path());
}

TEST_F(MegatronFilesTest, RefusesAFaultyHeader) {
  expect_refused(0, 'X', "byte 0, magic: expected MMIDIDX and two bytes of 0, found others");
  expect_refused<uint64_t>(9, 2, "byte 9, version: expected 1, found 2");
  expect_refused<uint8_t>(
      17, 6, "byte 17, dtype: expected 1 (uint8), 4 (int32), 5 (int64) or 8 (uint16), found 6");
  expect_refused<uint64_t>(
      18, 5, "byte 18, number of sequences: expected as many as the file has room for, found 5");
  expect_refused<uint64_t>(18, UINT64_MAX, "byte 18, number of sequences");
  expect_refused<uint64_t>(18, 0x1555555555555556, "byte 18, number of sequences");  // 12 S = 8
  expect_refused<uint64_t>(
      26,
      0,
      "byte 26, number of document boundaries: expected as many as the file has room for, found 0");
  expect_refused<uint64_t>(26, 7, "byte 26, number of document boundaries");
  expect_refused<uint64_t>(26, uint64_t{1} << 61, "byte 26, number of document boundaries");
  expect_refused<uint64_t>(26, 2, "expected 74 bytes for its counts, found 82");
}

TEST_F(MegatronFilesTest, RefusesAFaultySequence) {
  expect_refused<int32_t>(34,
                          -1,
                          "byte 34, length of sequence 0: expected 0 to the 5 tokens that are "
                          "left of the token file, found -1");
  expect_refused<int32_t>(38, 3, "byte 38, length of sequence 1: expected 0 to the 2 tokens");
  expect_refused<int32_t>(38, INT32_MAX, "byte 38, length of sequence 1");
  expect_refused<int64_t>(
      42, 2, "byte 42, place of sequence 0: expected 0, the end of the one before, found 2");
  expect_refused<int64_t>(50, -6, "byte 50, place of sequence 1: expected 6");
  expect_refused<int64_t>(50, INT64_MIN, "byte 50, place of sequence 1: expected 6");
}

TEST_F(MegatronFilesTest, RefusesAFaultyDocument) {
  expect_refused<int64_t>(58, 1, "byte 58, document boundary 0: expected 0, found 1");
  expect_refused<int64_t>(66, 3, "byte 66, document boundary 1: expected 0 to 2, found 3");
  expect_refused<int64_t>(66, -1, "byte 66, document boundary 1: expected 0 to 2, found -1");
  expect_refused<int64_t>(74, 1, "byte 74, document boundary 2: expected 2, found 1");
}

TEST_F(MegatronFilesTest, RefusesModes) {
  write_golden(golden_index() + std::string(2, '\0'));
  expect_error<DataError>(
      [&] { read_megatron(prefix(), 258); },
      index_path() + ": byte 82, modes: expected none, found those of a multimodal set");
}

TEST_F(MegatronFilesTest, RefusesATokenFileOfAnotherSize) {
  write_golden(golden_index());
  write_bytes(tokens_path(), golden_tokens() + "xy");
  expect_error<DataError>([&] { read_megatron(prefix(), 258); },
                          tokens_path() + ": expected 10 bytes as its index says, found 12");
  write_bytes(tokens_path(), golden_tokens() + "x");
  expect_error<DataError>([&] { read_megatron(prefix(), 258); }, "found 11");
  write_bytes(tokens_path(), "");
  expect_error<DataError>([&] { read_megatron(prefix(), 258); }, "length of sequence 0");
}

TEST_F(MegatronFilesTest, RefusesAnIdBeyondTheVocabulary) {
  write_golden(golden_index());
  expect_error<DataError>([&] { read_megatron(prefix(), 5); },
                          tokens_path() +
                              ": document 1, token 1 (byte 8): expected an id below the "
                              "vocabulary size 5, found 5");
}

TEST_F(MegatronFilesTest, RefusesEveryTruncationOfTheIndex) {
  const std::string index = golden_index();
  for (size_t length = 0; length < index.size(); ++length) {
    write_golden(index.substr(0, length));
    expect_error<DataError>([&] { read_megatron(prefix(), 258); }, index_path() + ": ");
  }
}

TEST_F(MegatronFilesTest, ReadsAnyIndexSafely) {
  // Each of the bytes set to values at the edges: the set is read or refused, nothing else.
  const CounterRng rng(/*seed=*/1, "index faults");
  int num_refused = 0;
  for (uint64_t trial = 0; trial < 400; ++trial) {
    std::string index = golden_index();
    for (uint64_t change = 0; change <= trial % 3; ++change) {
      const uint64_t bits = rng.bits(4 * trial + change);
      constexpr unsigned char kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
      index[(bits >> 8) % index.size()] = static_cast<char>(kEdges[bits % 5]);
    }
    write_golden(index);
    try {
      EXPECT_EQ(read_megatron(prefix(), 258).num_tokens(), 5);
    } catch (const DataError&) {
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 200);
}

}  // namespace
}  // namespace hecaton::recipes
