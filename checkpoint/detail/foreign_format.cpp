// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/foreign_format.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace hecaton::checkpoint::detail {
namespace {

struct Format {
  std::string_view magic;
  const char* description;
};

constexpr std::array<Format, 3> kFormats = {{
    {"PK\x03\x04",
     "a zip archive (a PyTorch checkpoint?): convert it to safetensors with the program that wrote "
     "it"},
    {"GGUF", "a GGUF file: use the safetensors files that it was made from"},
    {"version https://git-lfs", "a Git LFS pointer: fetch the real file with `git lfs pull`"},
}};

/// A pickle of protocol 2 to 5 begins with 0x80 and the protocol. So may the length of a
/// safetensors header, but the upper half of that is zero.
bool is_pickle(std::string_view bytes) {
  const bool has_marker = bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
  return has_marker && !bytes.substr(0, 8).ends_with(std::string_view("\0\0\0\0", 4));
}

bool is_web_page(std::string_view bytes) {
  const auto is_blank = [](unsigned char c) { return std::isspace(c) != 0; };
  bytes.remove_prefix(
      static_cast<size_t>(std::find_if_not(bytes.begin(), bytes.end(), is_blank) - bytes.begin()));
  const auto begins_with = [bytes](std::string_view word) {
    return bytes.size() >= word.size() &&
           std::equal(word.begin(), word.end(), bytes.begin(), [](char a, unsigned char b) {
             return a == std::tolower(b);
           });
  };
  return begins_with("<!doctype") || begins_with("<html") || begins_with("<?xml");
}

}  // namespace

std::string foreign_format(std::string_view bytes) {
  for (const Format& format : kFormats) {
    if (bytes.starts_with(format.magic)) {
      return format.description;
    }
  }
  if (is_pickle(bytes)) {
    return "a pickle (an old PyTorch checkpoint?), which can run any program and is never opened: "
           "convert it to safetensors where you trust it";
  }
  if (is_web_page(bytes)) {
    return "a web page: the download failed or needs a login, fetch the file again";
  }
  return "";
}

}  // namespace hecaton::checkpoint::detail
