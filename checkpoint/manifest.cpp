// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/manifest.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "checkpoint/detail/content_hash.h"
#include "checkpoint/detail/hostile_text.h"
#include "checkpoint/detail/manifest_reader.h"
#include "checkpoint/detail/mapped_file.h"
#include "checkpoint/detail/safetensors_dtype.h"
#include "core/error.h"

namespace hecaton::checkpoint {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxManifestBytes = size_t{1} << 28;

// The last line but one: a hash of everything before it.
constexpr std::string_view kSealBegin = "\"xxh3_128\":\"";
constexpr std::string_view kSealEnd = "\"\n}\n";
constexpr size_t kSealBytes = kSealBegin.size() + detail::kHashDigits + kSealEnd.size();

std::string quoted(const std::string& text) {
  return detail::quoted(std::string(kManifestName), text);
}

std::string format_files(const Manifest& manifest) {
  std::string text;
  for (const ManifestFile& file : manifest.files) {
    text += (text.empty() ? "\n" : ",\n") + quoted(file.name) +
            ":{\"bytes\":" + std::to_string(file.digest.num_bytes) + ",\"xxh3_128\":\"" +
            file.digest.hash + "\"}";
  }
  return text;
}

std::string format_tensors(const Manifest& manifest) {
  std::string text;
  for (const auto& [name, tensor] : manifest.tensors) {
    const detail::Dtype* dtype = detail::find_dtype(tensor.dtype);
    text += (text.empty() ? "\n" : ",\n") + quoted(name) + ":{\"dtype\":\"" +
            std::string(dtype == nullptr ? "none" : dtype->name) +
            "\",\"shape\":" + Json(tensor.shape).dump() + ",\"pieces\":[";
    const char* separator = "";
    for (const ManifestPiece& piece : tensor.pieces) {
      text += separator + ("{\"file\":" + quoted(manifest.files.at(piece.file_idx).name)) +
              ",\"begin\":" + std::to_string(piece.begin) +
              ",\"num_elements\":" + std::to_string(piece.num_elements) + "}";
      separator = ",";
    }
    text += "]}";
  }
  return text;
}

void check_seal(const std::string& path, std::string_view text) {
  if (text.size() < kSealBytes || !text.ends_with(kSealEnd) ||
      !text.substr(text.size() - kSealBytes).starts_with(kSealBegin)) {
    throw CheckpointError(path + ": expected its own hash at the end, found none: cut off?");
  }
  const size_t seal = text.size() - kSealBytes;
  const std::string_view expected = text.substr(seal + kSealBegin.size(), detail::kHashDigits);
  const std::string found = detail::content_hash(text.substr(0, seal));
  if (expected != found) {
    throw CheckpointError(path + ": expected the hash " + detail::shown(expected) + ", found " +
                          found + ": damaged");
  }
}

}  // namespace

std::string piece_key(const std::string& name,
                      const ManifestTensor& tensor,
                      const ManifestPiece& piece) {
  return tensor.pieces.size() == 1 ? name
                                   : name + "[" + std::to_string(piece.begin) + ":" +
                                         std::to_string(piece.begin + piece.num_elements) + "]";
}

std::string format_manifest(const Manifest& manifest) {
  std::string text = "{\n\"format\":\"" + std::string(detail::kManifestFormat) +
                     "\",\n\"version\":" + std::to_string(detail::kManifestVersion) +
                     ",\n\"step\":" + std::to_string(manifest.step) +
                     ",\n\"layout\":" + quoted(manifest.layout) + ",\n\"files\":{" +
                     format_files(manifest) + "\n},\n\"tensors\":{" + format_tensors(manifest) +
                     "\n},\n";
  const std::string hash = detail::content_hash(text);
  return text.append(kSealBegin).append(hash).append(kSealEnd);
}

Manifest parse_manifest(const std::string& path, std::string_view text) {
  if (text.size() > kMaxManifestBytes) {
    throw CheckpointError(path + ": expected at most " + std::to_string(kMaxManifestBytes) +
                          " bytes, found " + std::to_string(text.size()));
  }
  check_seal(path, text);
  return detail::read_manifest_json(path, text);
}

Manifest read_manifest(const std::string& folder) {
  const std::string path = folder + "/" + std::string(kManifestName);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw CheckpointError(folder + ": expected a checkpoint, found no " +
                          std::string(kManifestName) + " in it");
  }
  const detail::MappedFile file(path);
  return parse_manifest(path, file.bytes());
}

}  // namespace hecaton::checkpoint
