// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/manifest.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/checkpoint/manifest_text.h"
#include "tests/fuzz/json_mutation.h"
#include "tests/fuzz/target.h"

// An input is the text of a manifest.json.

namespace hecaton::fuzz {
namespace {

using checkpoint::Manifest;
using checkpoint::ManifestPiece;
using checkpoint::ManifestTensor;
using Json = nlohmann::ordered_json;

constexpr std::string_view kSealBegin = "\"xxh3_128\":\"";

const JsonWords& words() {
  static const JsonWords kWords = {
      {R"("format")",   R"("version")",
       R"("step")",     R"("layout")",
       R"("files")",    R"("bytes")",
       R"("xxh3_128")", R"("tensors")",
       R"("dtype")",    R"("shape")",
       R"("pieces")",   R"("file")",
       R"("begin")",    R"("num_elements")",
       R"("F32")",      R"("BOOL")",
       R"("F4")",       R"("hecaton-checkpoint")",
       R"("r0")",       R"("r1")",
       R"("w")",        R"("../r0")",
       R"("/r0")",      R"("a/.b")",
       R"("a//b")",     R"("0123456789abcdef0123456789abcdef")"},
      {R"("version":1)",
       R"("step":7)",
       R"("r1":{"bytes":100,"xxh3_128":"0123456789abcdef0123456789abcdef"})",
       R"("w":{"dtype":"F32","shape":[2],"pieces":[{"file":"r0","begin":0,"num_elements":2}]})",
       R"("e":{"dtype":"I64","shape":[0,3],"pieces":[]})",
       R"("shape":[])",
       R"("pieces":[])"}};
  return kWords;
}

void check_tensor(const Manifest& manifest, const std::string& name, const ManifestTensor& tensor) {
  int64_t covered = 0;
  for (const ManifestPiece& piece : tensor.pieces) {
    require(piece.file_idx < manifest.files.size(), "a piece lies in a listed file");
    require(piece.begin == covered && piece.num_elements > 0, "pieces follow each other");
    require(!checkpoint::piece_key(name, tensor, piece).empty() || name.empty(),
            "pieces have names");
    covered += piece.num_elements;
  }
  int64_t num_elements = 1;
  for (const int64_t size : tensor.shape) {
    num_elements *= size;
  }
  require(covered == num_elements, "pieces cover their tensor");
}

bool read(std::string_view input) {
  const auto manifest = open_or_refuse<CheckpointError>(
      "m: ", [&] { return checkpoint::parse_manifest("m", input); });
  if (!manifest) {
    return false;
  }
  for (const auto& [name, tensor] : manifest->tensors) {
    check_tensor(*manifest, name, tensor);
  }
  const std::string text = checkpoint::format_manifest(*manifest);
  require(checkpoint::format_manifest(checkpoint::parse_manifest("m", text)) == text,
          "what was read is written and read again");
  return true;
}

/// Elements of a tensor; 0 if the text does not say, or says many.
uint64_t num_elements(const Json& tensor) {
  uint64_t count = 1;
  for (const Json& size : tensor.value("shape", Json::array())) {
    const uint64_t factor = size.is_number_unsigned() ? size.get<uint64_t>() : 0;
    count = factor < 1000 && count < 1000 ? count * factor : 0;
  }
  return count;
}

/// Pieces for all elements, in files of the list.
Json make_pieces(uint64_t count, const std::vector<std::string>& files, Random& random) {
  Json pieces = Json::array();
  for (uint64_t begin = 0; begin < count && !files.empty();) {
    const uint64_t length = random.one_in(2) ? count - begin : 1 + random.below(count - begin);
    pieces.push_back({{"file", random.any_of(files)}, {"begin", begin}, {"num_elements", length}});
    begin += length;
  }
  return pieces;
}

/// Gives the tensors pieces that fit, so that only what else is wrong is left to find.
void repair_pieces(std::string& body, Random& random) {
  Json root = Json::parse(body + "\"end\":0}", nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("files") || !root["files"].is_object() ||
      !root.contains("tensors") || !root["tensors"].is_object()) {
    return;
  }
  root.erase("end");
  std::vector<std::string> files;
  for (const auto& [name, file] : root["files"].items()) {
    files.push_back(name);
  }
  for (auto& [name, tensor] : root["tensors"].items()) {
    if (tensor.is_object()) {
      tensor["pieces"] = make_pieces(num_elements(tensor), files, random);
    }
  }
  body = root.dump(-1, ' ', false, Json::error_handler_t::replace);
  body.back() = ',';
}

std::string mutate(std::string_view input, Random& random) {
  std::string body = mutate_json(input.substr(0, input.rfind(kSealBegin)), words(), random);
  if (!random.one_in(4)) {
    repair_pieces(body, random);
  }
  std::string text = checkpoint::sealed(body);
  if (random.one_in(64)) {
    mutate_bytes(text, random);
  }
  return text;
}

}  // namespace

Target manifest_target() {
  return {"manifest", read, mutate};
}

}  // namespace hecaton::fuzz
