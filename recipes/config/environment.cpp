// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/environment.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdlib>

#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

constexpr const char* kOpening = "${";

bool is_variable_name(const std::string& name) {
  const auto is_name_part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), is_name_part);
}

/// The value of "NAME" or "NAME:-default". Sets `fault` if there is none.
std::string look_up(const std::string& reference, std::string& fault) {
  const size_t colon = reference.find(":-");
  const bool has_default = colon != std::string::npos;
  const std::string name = reference.substr(0, colon);
  if (!is_variable_name(name)) {
    fault = one_line(name) + " is not the name of an environment variable";
    return "";
  }
  const char* value = std::getenv(name.c_str());
  if (has_default && (value == nullptr || *value == '\0')) {
    return reference.substr(colon + 2);
  }
  if (value == nullptr) {
    fault =
        "environment variable " + name + " is not set; ${" + name + ":-default} gives a default";
    return "";
  }
  return value;
}

/// Sets `fault` if a reference has no value.
std::string expand(const std::string& text, std::string& fault) {
  std::string out;
  size_t start = 0;
  for (size_t pos = text.find(kOpening); pos != std::string::npos;
       pos = text.find(kOpening, start)) {
    out += text.substr(start, pos - start);
    if (pos > start && text[pos - 1] == '$') {
      out += "{";  // $${ stands for ${
      start = pos + 2;
      continue;
    }
    const size_t end = text.find('}', pos);
    if (end == std::string::npos) {
      fault = "${ has no closing }";
      return "";
    }
    out += look_up(text.substr(pos + 2, end - pos - 2), fault);
    start = end + 1;
  }
  return out + text.substr(start);
}

}  // namespace

void expand_environment(YamlNode& node, const std::string& path, FaultList& faults) {
  if (node.kind == YamlNode::Kind::kScalar && node.text.find(kOpening) != std::string::npos) {
    std::string fault;
    node.text = expand(node.text, fault);
    if (!fault.empty()) {
      faults.add(node.origin, path, fault);
      node.kind = YamlNode::Kind::kInvalid;
    } else if (node.is_plain_scalar() && is_null_word(node.text)) {
      node.kind = YamlNode::Kind::kNull;
    }
  }
  for (size_t idx = 0; idx < node.children.size(); ++idx) {
    YamlNode& child = node.children[idx];
    const bool is_entry = node.kind == YamlNode::Kind::kSequence;
    expand_environment(child, join_path(path, is_entry ? std::to_string(idx) : child.key), faults);
  }
}

std::string escape_environment(const std::string& text) {
  std::string out;
  for (size_t pos = 0; pos < text.size(); ++pos) {
    if (text.compare(pos, 2, kOpening) == 0) {
      out += '$';
    }
    out += text[pos];
  }
  return out;
}

}  // namespace hecaton::recipes
