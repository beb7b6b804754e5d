// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "recipes/data/megatron_files.h"
#include "recipes/data/token_stream.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"
#include "tests/testing/temporary_folder.h"

// An input is both files of a Megatron data set: 4 bytes with the size of the index, the index, and
// then the tokens.

namespace hecaton::fuzz {
namespace {

constexpr int64_t kVocabSize = 258;
constexpr size_t kSizeBytes = sizeof(uint32_t);
constexpr size_t kHeaderBytes = 34;

template <typename Value>
std::string bytes_of(Value value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

struct DataSet {
  std::string index;
  std::string tokens;
};

DataSet split(std::string_view input) {
  uint32_t index_bytes = 0;
  if (input.size() >= kSizeBytes) {
    std::memcpy(&index_bytes, input.data(), kSizeBytes);
    input.remove_prefix(kSizeBytes);
  }
  const std::string_view index = input.substr(0, index_bytes);
  return {std::string(index), std::string(input.substr(index.size()))};
}

/// Reads each document; together they are all tokens, in their order.
void check_documents(const recipes::TokenStream& stream) {
  int64_t num_read = 0;
  for (int64_t document = 0; document < stream.num_documents(); ++document) {
    const int64_t begin = stream.document_starts[static_cast<size_t>(document)];
    const int64_t count = stream.document_end(document) - begin;
    require(begin == num_read && count >= 0, "documents lie side by side");
    std::vector<int64_t> ids(static_cast<size_t>(count));
    stream.tokens.copy(begin, count, ids.data());
    require(
        std::all_of(ids.begin(), ids.end(), [](int64_t id) { return 0 <= id && id < kVocabSize; }),
        "ids are below the vocabulary size");
    require(count == 0 || stream.document_of(begin) == document, "a token knows its document");
    num_read += count;
  }
  require(num_read == stream.num_tokens(), "documents hold every token");
}

bool read(std::string_view input) {
  static const testing::TemporaryFolder kFolder;
  static MemoryFile index(kFolder / "set.idx");
  static MemoryFile tokens(kFolder / "set.bin");
  const DataSet set = split(input);
  index.write(set.index);
  tokens.write(set.tokens);
  const auto stream = open_or_refuse<DataError>(
      kFolder / "set.", [] { return recipes::read_megatron(index.path(), kVocabSize); });
  if (!stream) {
    return false;
  }
  check_documents(*stream);
  return true;
}

/// Some documents of some sequences of some tokens, and nothing wrong with them.
DataSet any_set(Random& random) {
  struct Type {
    char code;
    size_t num_bytes;
  };
  constexpr std::array<Type, 4> kTypes = {{{1, 1}, {4, 4}, {5, 8}, {8, 2}}};
  const Type type = random.any_of(kTypes);
  std::string lengths;
  std::string places;
  std::string boundaries = bytes_of<int64_t>(0);
  uint64_t num_boundaries = 1;
  DataSet set;
  const auto num_sequences = static_cast<int64_t>(random.below(6));
  for (int64_t sequence = 1; sequence <= num_sequences; ++sequence) {
    const size_t length = random.below(5);
    lengths += bytes_of(static_cast<int32_t>(length));
    places += bytes_of(static_cast<int64_t>(set.tokens.size()));
    for (size_t token = 0; token < length; ++token) {
      set.tokens += bytes_of<uint64_t>(random.below(256)).substr(0, type.num_bytes);
    }
    if (sequence == num_sequences || random.one_in(2)) {
      boundaries += bytes_of(sequence);
      ++num_boundaries;
    }
  }
  set.index = std::string("MMIDIDX\0\0", 9) + bytes_of<uint64_t>(1) + type.code +
              bytes_of(num_sequences) + bytes_of(num_boundaries) + lengths + places + boundaries;
  return set;
}

/// Puts a number at the limits into a field of the header, of the arrays or of the tokens.
void change_field(DataSet& set, Random& random) {
  constexpr std::array<size_t, 5> kFields = {0, 9, 17, 18, 26};  // as the format lists them
  const int64_t number = hostile_number(random);
  if (random.one_in(3)) {
    const size_t field = random.any_of(kFields);
    put_bytes(set.index, field, bytes_of(number).substr(0, field == 17 ? 1 : 8));
  } else if (random.one_in(4) && !set.tokens.empty()) {
    put_bytes(set.tokens, random.below(set.tokens.size()), bytes_of(number).substr(0, 2));
  } else if (set.index.size() > kHeaderBytes) {
    // Lengths, places and boundaries are 4 or 8 bytes, 4 apart.
    const size_t place = kHeaderBytes + 4 * random.below((set.index.size() - kHeaderBytes + 3) / 4);
    put_bytes(set.index, place, bytes_of(number).substr(0, random.one_in(2) ? 4 : 8));
  }
}

std::string mutate(std::string_view input, Random& random) {
  DataSet set = random.one_in(3) ? any_set(random) : split(input);
  for (size_t changes = random.below(3); changes > 0; --changes) {
    change_field(set, random);
  }
  if (random.one_in(8)) {
    mutate_bytes(random.one_in(2) ? set.index : set.tokens, random);
  }
  return bytes_of(static_cast<uint32_t>(set.index.size())) + set.index + set.tokens;
}

}  // namespace

Target megatron_target() {
  return {"megatron", read, mutate};
}

}  // namespace hecaton::fuzz
