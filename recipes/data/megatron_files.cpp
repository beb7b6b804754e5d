// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/megatron_files.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string_view>
#include <utility>

#include "checkpoint/file_io.h"
#include "core/check.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace hecaton::recipes {
namespace {

constexpr std::string_view kMagic{"MMIDIDX\0\0", 9};
constexpr uint64_t kVersion = 1;
constexpr int64_t kHeaderBytes = 34;
constexpr int64_t kBytesPerSequence = 12;  // int32 length, int64 place
constexpr int64_t kBytesPerBoundary = 8;   // int64 sequence

constexpr std::array<std::pair<TokenType, uint8_t>, 4> kTypeCodes = {{
    {TokenType::kUint8, 1},
    {TokenType::kInt32, 4},
    {TokenType::kInt64, 5},
    {TokenType::kUint16, 8},
}};

uint8_t code_of(TokenType type) {
  for (const auto& [candidate, code] : kTypeCodes) {
    if (candidate == type) {
      return code;
    }
  }
  throw InternalError(".idx files have no code for " + token_type_name(type));
}

/// An index file. Fields are not aligned, so each is copied out.
class IndexFile {
 public:
  explicit IndexFile(const std::string& path) : file_(path, "data", throw_as<DataError>) {}

  int64_t num_bytes() const { return static_cast<int64_t>(file_.bytes().size()); }

  template <typename Value>
  Value at(int64_t offset) const {
    Value value{};
    std::memcpy(&value, file_.bytes().data() + offset, sizeof(value));
    return value;
  }

  template <typename Found>
  [[noreturn]] void fail(int64_t offset,
                         const std::string& field,
                         const std::string& expected,
                         const Found& found) const {
    throw DataError(file_.path() + ": byte " + std::to_string(offset) + ", " + field +
                    ": expected " + expected + ", found " + std::to_string(found));
  }

  /// Reads the header and sets the counts.
  void check_header() {
    if (num_bytes() < kHeaderBytes) {
      throw DataError(file_.path() + ": expected an index of at least 34 bytes, found " +
                      std::to_string(num_bytes()));
    }
    if (file_.bytes().substr(0, kMagic.size()) != kMagic) {
      throw DataError(file_.path() +
                      ": byte 0, magic: expected MMIDIDX and two bytes of 0, found others");
    }
    if (at<uint64_t>(9) != kVersion) {
      fail(9, "version", "1", at<uint64_t>(9));
    }
    check_counts();
  }

  TokenType token_type() const {
    const auto code = at<uint8_t>(17);
    for (const auto& [type, candidate] : kTypeCodes) {
      if (candidate == code) {
        return type;
      }
    }
    fail(17, "dtype", "1 (uint8), 4 (int32), 5 (int64) or 8 (uint16)", code);
  }

  int64_t num_sequences() const { return num_sequences_; }
  int64_t num_boundaries() const { return num_boundaries_; }

  int64_t length_of(int64_t sequence) const { return at<int32_t>(length_offset(sequence)); }
  int64_t length_offset(int64_t sequence) const { return kHeaderBytes + 4 * sequence; }
  int64_t place_of(int64_t sequence) const { return at<int64_t>(place_offset(sequence)); }
  int64_t place_offset(int64_t sequence) const {
    return kHeaderBytes + 4 * num_sequences_ + 8 * sequence;
  }
  int64_t boundary_at(int64_t boundary) const { return at<int64_t>(boundary_offset(boundary)); }
  int64_t boundary_offset(int64_t boundary) const {
    return kHeaderBytes + kBytesPerSequence * num_sequences_ + kBytesPerBoundary * boundary;
  }

 private:
  /// The counts against the size of the file, so that no product of them overflows.
  void check_counts() {
    const auto num_sequences = at<uint64_t>(18);
    const auto num_boundaries = at<uint64_t>(26);
    const auto room = static_cast<uint64_t>(num_bytes() - kHeaderBytes);
    if (num_sequences > room / kBytesPerSequence) {
      fail(18, "number of sequences", "as many as the file has room for", num_sequences);
    }
    if (num_boundaries < 1 || num_boundaries > room / kBytesPerBoundary) {
      fail(26, "number of document boundaries", "as many as the file has room for", num_boundaries);
    }
    num_sequences_ = static_cast<int64_t>(num_sequences);
    num_boundaries_ = static_cast<int64_t>(num_boundaries);
    const int64_t expected_bytes = boundary_offset(num_boundaries_);
    if (num_bytes() == expected_bytes + num_sequences_ && num_sequences_ > 0) {
      throw DataError(file_.path() + ": byte " + std::to_string(expected_bytes) +
                      ", modes: expected none, found those of a multimodal set");
    }
    if (num_bytes() != expected_bytes) {
      throw DataError(file_.path() + ": expected " + std::to_string(expected_bytes) +
                      " bytes for its counts, found " + std::to_string(num_bytes()));
    }
  }

  MappedFile file_;
  int64_t num_sequences_ = 0;
  int64_t num_boundaries_ = 0;
};

/// The first token of each sequence, and of what follows the last one.
/// num_tokens_there: in the token file. No sum passes it, so none overflows.
std::vector<int64_t> read_sequence_starts(const IndexFile& index,
                                          int64_t bytes_per_token,
                                          int64_t num_tokens_there) {
  std::vector<int64_t> starts(static_cast<size_t>(index.num_sequences()) + 1);
  int64_t num_tokens = 0;
  const auto named = [](const char* field, int64_t sequence) {
    return field + std::to_string(sequence);
  };
  for (int64_t sequence = 0; sequence < index.num_sequences(); ++sequence) {
    starts[static_cast<size_t>(sequence)] = num_tokens;
    const int64_t length = index.length_of(sequence);
    const int64_t room = num_tokens_there - num_tokens;
    if (length < 0 || length > room) {
      index.fail(index.length_offset(sequence),
                 named("length of sequence ", sequence),
                 "0 to the " + std::to_string(room) + " tokens that are left of the token file",
                 length);
    }
    const int64_t place = index.place_of(sequence);
    if (place != num_tokens * bytes_per_token) {
      index.fail(index.place_offset(sequence),
                 named("place of sequence ", sequence),
                 std::to_string(num_tokens * bytes_per_token) + ", the end of the one before",
                 place);
    }
    num_tokens += length;
  }
  starts.back() = num_tokens;
  return starts;
}

/// The first token of each document.
std::vector<int64_t> read_document_starts(const IndexFile& index,
                                          const std::vector<int64_t>& sequence_starts) {
  std::vector<int64_t> starts;
  starts.reserve(static_cast<size_t>(index.num_boundaries()) - 1);
  int64_t last = 0;
  for (int64_t boundary = 0; boundary < index.num_boundaries(); ++boundary) {
    const bool is_first = boundary == 0;
    const bool is_last = boundary + 1 == index.num_boundaries();
    const int64_t sequence = index.boundary_at(boundary);
    const int64_t lowest = is_last ? index.num_sequences() : last;
    const int64_t highest = is_first ? 0 : index.num_sequences();
    if (sequence < lowest || sequence > highest) {
      index.fail(index.boundary_offset(boundary),
                 "document boundary " + std::to_string(boundary),
                 lowest == highest ? std::to_string(highest)
                                   : std::to_string(lowest) + " to " + std::to_string(highest),
                 sequence);
    }
    if (!is_last) {
      starts.push_back(sequence_starts[static_cast<size_t>(sequence)]);
    }
    last = sequence;
  }
  return starts;
}

}  // namespace

std::string megatron_prefix(const std::string& path) {
  const bool has_ending = path.ends_with(".bin") || path.ends_with(".idx");
  return has_ending ? path.substr(0, path.size() - 4) : path;
}

TokenStream read_megatron(const std::string& path, int64_t vocab_size) {
  const std::string prefix = megatron_prefix(path);
  const std::string tokens_path = prefix + ".bin";
  IndexFile index(prefix + ".idx");
  index.check_header();
  const TokenType type = index.token_type();

  auto file = std::make_unique<const MappedFile>(tokens_path, "data", throw_as<DataError>);
  const auto num_bytes = static_cast<int64_t>(file->bytes().size());
  const std::vector<int64_t> sequence_starts =
      read_sequence_starts(index, token_bytes(type), num_bytes / token_bytes(type));
  if (num_bytes != sequence_starts.back() * token_bytes(type)) {
    throw DataError(tokens_path + ": expected " +
                    std::to_string(sequence_starts.back() * token_bytes(type)) +
                    " bytes as its index says, found " + std::to_string(num_bytes));
  }
  TokenStream stream;
  stream.tokens = TokenArray(std::move(file), type);
  stream.document_starts = read_document_starts(index, sequence_starts);
  check_tokens(stream, tokens_path, vocab_size);
  return stream;
}

/// Writes a file from its beginning to its end, in large pieces.
class MegatronWriter::Appender {
 public:
  explicit Appender(const std::string& path) : file_(path) {}

  template <typename Value>
  void append(Value value) {
    unwritten_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    constexpr size_t kPieceBytes = size_t{1} << 20;
    if (unwritten_.size() >= kPieceBytes) {
      flush();
    }
  }

  template <typename Token>
  void append_ids(const std::vector<int64_t>& ids) {
    for (const int64_t id : ids) {
      const auto token = static_cast<Token>(id);
      HECATON_CHECK_EQ(static_cast<int64_t>(token), id, "an id must fit the type of the file");
      append(token);
    }
  }

  void commit() {
    flush();
    file_.commit();
  }

 private:
  void flush() {
    file_.write_at(num_written_, unwritten_.data(), unwritten_.size());
    num_written_ += static_cast<int64_t>(unwritten_.size());
    unwritten_.clear();
  }

  checkpoint::DurableFile file_;
  std::string unwritten_;
  int64_t num_written_ = 0;
};

MegatronWriter::MegatronWriter(const std::string& prefix, TokenType type)
    : type_(type), index_path_(prefix + ".idx") {
  code_of(type_);  // refuses a type that the index cannot name before anything is written
  for (const std::string& path : {prefix + ".bin", index_path_}) {
    if (std::filesystem::exists(path)) {
      throw ConfigError(path + ": exists and is not overwritten");
    }
  }
  tokens_ = std::make_unique<Appender>(prefix + ".bin");
}

MegatronWriter::~MegatronWriter() = default;

void MegatronWriter::add_document(const std::vector<int64_t>& ids) {
  if (ids.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    throw DataError("document " + std::to_string(num_documents()) +
                    ": expected at most 2147483647 tokens, found " + std::to_string(ids.size()));
  }
  switch (type_) {
    case TokenType::kUint8:
      tokens_->append_ids<uint8_t>(ids);
      break;
    case TokenType::kUint16:
      tokens_->append_ids<uint16_t>(ids);
      break;
    case TokenType::kUint32:
    case TokenType::kInt32:
      tokens_->append_ids<int32_t>(ids);
      break;
    case TokenType::kInt64:
      tokens_->append_ids<int64_t>(ids);
      break;
  }
  lengths_.push_back(static_cast<int32_t>(ids.size()));
  num_tokens_ += static_cast<int64_t>(ids.size());
}

void MegatronWriter::commit() {
  tokens_->commit();
  Appender index(index_path_);
  for (const char byte : kMagic) {
    index.append(byte);
  }
  index.append(kVersion);
  index.append(code_of(type_));
  index.append(static_cast<uint64_t>(num_documents()));
  index.append(static_cast<uint64_t>(num_documents() + 1));
  for (const int32_t length : lengths_) {
    index.append(length);
  }
  int64_t place = 0;
  for (const int32_t length : lengths_) {
    index.append(place);
    place += length * token_bytes(type_);
  }
  for (int64_t boundary = 0; boundary <= num_documents(); ++boundary) {
    index.append(boundary);
  }
  index.commit();
}

}  // namespace hecaton::recipes
