// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/checkpoint/safetensors_bytes.h"
#include "tests/fuzz/json_mutation.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"
#include "tests/testing/temporary_folder.h"

// An input is a safetensors file.

namespace hecaton::fuzz {
namespace {

using checkpoint::SafetensorsFile;
using checkpoint::TensorInfo;
using Json = nlohmann::ordered_json;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxTensorBytes = 256;

/// Bits of an element, of loaded dtypes and of others.
const std::map<std::string, uint64_t>& dtype_bits() {
  static const std::map<std::string, uint64_t> kBits = {{"BOOL", 8},
                                                        {"U8", 8},
                                                        {"I16", 16},
                                                        {"BF16", 16},
                                                        {"F32", 32},
                                                        {"F64", 64},
                                                        {"I64", 64},
                                                        {"F4", 4},
                                                        {"F6_E2M3", 6},
                                                        {"U16", 16}};
  return kBits;
}

const JsonWords& words() {
  static const JsonWords kWords = [] {
    JsonWords words = {
        {R"("dtype")", R"("shape")", R"("data_offsets")", R"("__metadata__")", R"("a")", R"("b")"},
        {R"("dtype":"F32")",
         R"("shape":[2,3])",
         R"("data_offsets":[0,4])",
         R"("__metadata__":{"format":"pt"})",
         R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})",
         R"("b":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]})",
         R"("c":{"dtype":"F4","shape":[0,5],"data_offsets":[0,0]})"}};
    for (const auto& [name, bits] : dtype_bits()) {
      words.values.push_back("\"" + name + "\"");
    }
    return words;
  }();
  return kWords;
}

/// Whether the bytes of a tensor come back as they stand in the file, all and one by one.
bool loads_its_bytes(const SafetensorsFile& file,
                     const std::string& name,
                     const TensorInfo& info,
                     std::string_view stored) {
  const at::Tensor tensor = file.load(name);
  if (tensor.nbytes() != stored.size() || tensor.sizes() != info.shape ||
      !std::equal(stored.begin(), stored.end(), static_cast<const char*>(tensor.data_ptr()))) {
    return false;
  }
  at::Tensor element = at::empty({1}, *info.scalar_type);
  const auto element_bytes = static_cast<size_t>(element.element_size());
  for (size_t begin = 0; begin < stored.size(); begin += element_bytes) {
    file.load_range_into(name, static_cast<int64_t>(begin / element_bytes), element);
    if (std::memcmp(element.data_ptr(), stored.data() + begin, element_bytes) != 0) {
      return false;
    }
  }
  return true;
}

void check_tensor(const SafetensorsFile& file,
                  const std::string& name,
                  const TensorInfo& info,
                  std::string_view data) {
  require(
      0 <= info.begin && info.begin <= info.end && info.end <= static_cast<int64_t>(data.size()),
      "a tensor lies inside the file");
  const std::string_view stored =
      data.substr(static_cast<size_t>(info.begin), static_cast<size_t>(info.end - info.begin));
  const auto is_bool = [](char byte) { return byte == 0 || byte == 1; };
  const bool is_loaded = info.scalar_type && (info.scalar_type != at::kBool ||
                                              std::all_of(stored.begin(), stored.end(), is_bool));
  const auto loaded = open_or_refuse<CheckpointError>(
      file.path(), [&] { return loads_its_bytes(file, name, info, stored); });
  require(loaded.has_value() == is_loaded, "tensors are loaded or refused by dtype and value");
  require(loaded.value_or(true), "a tensor has the bytes of the file");
}

bool read(std::string_view input) {
  static const testing::TemporaryFolder kFolder;
  static MemoryFile file(kFolder / "model.safetensors");
  file.write(input);
  const auto opened =
      open_or_refuse<CheckpointError>(file.path(), [] { return SafetensorsFile(file.path()); });
  if (!opened) {
    return false;
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, input.data(), kLengthBytes);
  for (const auto& [name, info] : opened->tensors()) {
    check_tensor(*opened, name, info, input.substr(kLengthBytes + header_bytes));
  }
  return true;
}

/// Bytes of a tensor; none if the header does not say, or says more than an input can have.
std::optional<uint64_t> tensor_bytes(const Json& tensor) {
  if (!tensor.is_object() || !tensor.contains("dtype") || !tensor["dtype"].is_string() ||
      !tensor.contains("shape") || !tensor["shape"].is_array()) {
    return std::nullopt;
  }
  const auto bits = dtype_bits().find(tensor["dtype"].get<std::string>());
  if (bits == dtype_bits().end()) {
    return std::nullopt;
  }
  uint64_t num_bits = bits->second;
  for (const Json& size : tensor["shape"]) {
    const uint64_t count = size.is_number_unsigned() ? size.get<uint64_t>() : UINT64_MAX;
    if (count > kMaxTensorBytes || num_bits > 8 * kMaxTensorBytes) {
      return std::nullopt;
    }
    num_bits *= count;
  }
  return num_bits / 8;
}

/// Lays the tensors out one behind the other, so that only what else is wrong is left to find.
void repair_layout(std::string& header, std::string& data) {
  Json root = Json::parse(header, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) {
    return;
  }
  uint64_t end = 0;
  for (auto& [name, tensor] : root.items()) {
    if (const std::optional<uint64_t> num_bytes = tensor_bytes(tensor)) {
      tensor["data_offsets"] = {end, end + *num_bytes};
      end += *num_bytes;
    }
  }
  header = root.dump(-1, ' ', false, Json::error_handler_t::replace);
  data.resize(end, '\1');
}

std::string mutate(std::string_view input, Random& random) {
  uint64_t header_bytes = 0;
  if (input.size() >= kLengthBytes) {
    std::memcpy(&header_bytes, input.data(), kLengthBytes);
    input.remove_prefix(kLengthBytes);
  }
  std::string header(input.substr(0, header_bytes));
  std::string data(input.substr(header.size()));
  if (random.one_in(8)) {
    mutate_bytes(data, random);
  } else {
    header = mutate_json(header, words(), random);
  }
  if (!random.one_in(4)) {
    repair_layout(header, data);
  }
  const uint64_t length =
      random.one_in(32) ? static_cast<uint64_t>(hostile_number(random)) : header.size();
  return testing::safetensors_bytes(header, data, length);
}

}  // namespace

Target safetensors_target() {
  return {"safetensors", read, mutate};
}

}  // namespace hecaton::fuzz
