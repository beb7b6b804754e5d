// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/fault_list.h"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "core/error.h"

namespace hecaton::recipes {
namespace {

constexpr size_t kLongestText = 120;

bool is_at_or_below(const std::string& path, const std::string& ancestor) {
  return path == ancestor || path.rfind(ancestor + ".", 0) == 0;
}

/// "FILE:LINE:COLUMN: " or "override '...': "; nothing for a recipe that was never a file.
std::string place(const Origin& origin) {
  if (origin.is_default()) {
    return "";
  }
  if (origin.line == 0) {
    return origin.source + ": ";
  }
  return origin.source + ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column) +
         ": ";
}

}  // namespace

std::string Origin::text() const {
  if (is_default()) {
    return "default";
  }
  if (line == 0) {
    return column == 0 ? source : "override";
  }
  return source + ":" + std::to_string(line);
}

Origin override_origin(const std::string& argument, int number) {
  return {"override '" + one_line(argument) + "'", /*line=*/0, /*column=*/number};
}

void FaultList::add(const Origin& origin, const std::string& path, const std::string& message) {
  if (faults_.size() == kMaxFaults) {
    throw ConfigError(text() + "\n" + place(origin) + "more faults than these " +
                      std::to_string(kMaxFaults));
  }
  faults_.push_back({origin, path, message});
}

bool FaultList::touches(const std::string& path) const {
  return std::any_of(faults_.begin(), faults_.end(), [&path](const Fault& fault) {
    return is_at_or_below(fault.path, path) || is_at_or_below(path, fault.path);
  });
}

void FaultList::throw_if_any() const {
  if (!faults_.empty()) {
    throw ConfigError(text());
  }
}

std::string FaultList::text() const {
  std::vector<Fault> sorted = faults_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Fault& a, const Fault& b) {
    return std::make_tuple(a.origin.line == 0, a.origin.line, a.origin.column) <
           std::make_tuple(b.origin.line == 0, b.origin.line, b.origin.column);
  });
  std::string text;
  for (const Fault& fault : sorted) {
    text += text.empty() ? "" : "\n";
    text += place(fault.origin) + (fault.path.empty() ? "" : one_line(fault.path) + ": ");
    text += fault.message;
  }
  return text;
}

std::string join_path(const std::string& section, const std::string& name) {
  return section.empty() ? name : section + "." + name;
}

std::string one_line(const std::string& text) {
  constexpr const char* kHexDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, kLongestText)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += std::string("\\x") + kHexDigits[byte >> 4] + kHexDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return text.size() > kLongestText ? out + "..." : out;
}

}  // namespace hecaton::recipes
