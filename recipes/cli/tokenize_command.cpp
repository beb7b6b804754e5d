// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/cli/tokenize_command.h"

#include <cstdint>
#include <iostream>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "recipes/config/recipe.h"
#include "recipes/data/json_lines.h"
#include "recipes/data/megatron_files.h"
#include "recipes/data/text_files.h"
#include "recipes/data/tokenizer.h"

namespace hecaton::recipes {
namespace {

void add_text(MegatronWriter& writer, std::string_view text) {
  std::vector<int64_t> ids = ByteTokenizer().encode(text);
  ids.push_back(ByteTokenizer::kDocumentEndId);
  writer.add_document(ids);
}

}  // namespace

void tokenize(const TokenizeArguments& arguments) {
  const bool is_json = arguments.format == "jsonl";
  if (!is_json && arguments.format != "text") {
    throw ConfigError("--format must be text or jsonl, found " + arguments.format);
  }
  std::vector<DataSourceRecipe> sources;
  sources.reserve(arguments.inputs.size());
  for (const std::string& path : arguments.inputs) {
    sources.push_back({.path = path});
  }
  const std::vector<TextFile> files = collect_text_files(sources);
  MegatronWriter writer(arguments.output, TokenType::kUint16);
  for (const TextFile& file : files) {
    if (!is_json) {
      add_text(writer, read_text_file(file.path));
      continue;
    }
    read_json_lines(file.path, [&](const nlohmann::json& line, const std::string& place) {
      add_text(writer, json_text(line, arguments.key, place));
    });
  }
  writer.commit();
  std::cout << writer.num_documents() << " documents, " << writer.num_tokens() << " tokens, "
            << writer.num_bytes() << " bytes in " << arguments.output << ".bin" << std::endl;
}

}  // namespace hecaton::recipes
