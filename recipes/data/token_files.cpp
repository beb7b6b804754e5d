// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/token_files.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"

namespace hecaton::recipes {
namespace {

struct Header {
  std::string_view magic;
  const char* name;
};

/// Formats whose files are easily taken for raw tokens. Trained on, the header would be noise.
constexpr std::array<Header, 4> kHeaders = {{
    {{"\x93NUMPY", 6}, "a NumPy header"},
    {{"MMIDIDX\0\0", 9}, "the index of a Megatron data set (format: megatron)"},
    {{"\x88\xd8\x34\x01\x01\0\0\0", 8}, "the header of llm.c's GPT-2 token files"},
    {{"\xa1\xd9\x34\x01\x07\0\0\0", 8}, "the header of llm.c's Llama 3 token files"},
}};

void check_bytes(const MappedFile& file, TokenType type) {
  for (const Header& header : kHeaders) {
    if (file.bytes().starts_with(header.magic)) {
      throw DataError(file.path() + ": byte 0: expected token ids and nothing else, found " +
                      header.name);
    }
  }
  const size_t num_bytes = file.bytes().size();
  if (num_bytes == 0 || num_bytes % static_cast<size_t>(token_bytes(type)) != 0) {
    throw DataError(file.path() + ": expected a multiple of " + std::to_string(token_bytes(type)) +
                    " bytes, tokens of " + token_type_name(type) + ", found " +
                    std::to_string(num_bytes));
  }
}

/// The start of the file and every place after `end_id`, but for one behind the last token.
std::vector<int64_t> find_document_starts(const TokenArray& tokens, int64_t end_id) {
  constexpr int64_t kBlock = int64_t{1} << 16;  // tokens
  std::vector<int64_t> ids(static_cast<size_t>(std::min(kBlock, tokens.size())));
  std::vector<int64_t> starts = {0};
  for (int64_t begin = 0; begin < tokens.size(); begin += kBlock) {
    const int64_t count = std::min(kBlock, tokens.size() - begin);
    tokens.copy(begin, count, ids.data());
    for (int64_t i = 0; i < count; ++i) {
      if (ids[static_cast<size_t>(i)] == end_id && begin + i + 1 < tokens.size()) {
        starts.push_back(begin + i + 1);
      }
    }
  }
  return starts;
}

}  // namespace

TokenStream read_token_file(const std::string& path, const TokenFileFormat& format) {
  auto file = std::make_unique<const MappedFile>(path, "data", throw_as<DataError>);
  check_bytes(*file, format.type);
  TokenStream stream;
  stream.tokens = TokenArray(std::move(file), format.type);
  stream.document_starts = format.document_end_id
                               ? find_document_starts(stream.tokens, *format.document_end_id)
                               : std::vector<int64_t>{0};
  check_tokens(stream, path, format.vocab_size);
  return stream;
}

}  // namespace hecaton::recipes
