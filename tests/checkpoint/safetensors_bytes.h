// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hecaton::testing {

/// A file of the given header and data, with a right or (header_length) a wrong length in front.
inline std::string safetensors_bytes(std::string_view header,
                                     std::string_view data,
                                     uint64_t header_length) {
  std::string bytes(sizeof(header_length), '\0');
  std::memcpy(bytes.data(), &header_length, sizeof(header_length));
  return bytes.append(header).append(data);
}

inline std::string safetensors_bytes(std::string_view header, std::string_view data = "") {
  return safetensors_bytes(header, data, header.size());
}

/// The bytes that a text of hexadecimal digits spells.
inline std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

}  // namespace hecaton::testing
