// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/yaml_node.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <sstream>
#include <utility>

#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

void print_comment(const YamlNode& node, bool with_origins, std::ostream& out) {
  if (with_origins) {
    out << "  # " << node.origin.text();
  }
  out << '\n';
}

bool is_block_map(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kMap && !node.children.empty();
}

bool is_block_list(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kSequence && !node.children.empty() &&
         std::all_of(node.children.begin(), node.children.end(), is_block_map);
}

std::string print_flow(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) {
    return "null";
  }
  if (node.kind == YamlNode::Kind::kScalar) {
    return node.is_quoted || is_plain_text(node.text) ? print_text(node.text) : node.text;
  }
  const bool is_map = node.kind == YamlNode::Kind::kMap;
  std::string out;
  for (const YamlNode& child : node.children) {
    out += (out.empty() ? "" : ", ") + (is_map ? print_text(child.key) + ": " : "") +
           print_flow(child);
  }
  return is_map ? "{" + out + "}" : "[" + out + "]";
}

/// first_indent: what stands before the first key, "- " for an entry of a list.
void print_map(const YamlNode& map,
               const std::string& first_indent,
               const std::string& indent,
               bool with_origins,
               std::ostream& out) {
  bool is_first = true;
  for (const YamlNode& child : map.children) {
    out << (is_first ? first_indent : indent) << print_text(child.key) << ":";
    is_first = false;
    if (is_block_map(child)) {
      out << '\n';
      print_map(child, indent + "  ", indent + "  ", with_origins, out);
    } else if (is_block_list(child)) {
      out << '\n';
      for (const YamlNode& entry : child.children) {
        print_map(entry, indent + "  - ", indent + "    ", with_origins, out);
      }
    } else {
      out << ' ' << print_flow(child);
      print_comment(child, with_origins, out);
    }
  }
}

std::string describe_scalar(const YamlNode& node) {
  const std::string text = one_line(node.text);
  const std::string quote = node.is_quoted || text.empty() ? "\"" : "";
  return quote + text + quote;
}

std::string describe_list(size_t size) {
  if (size == 0) {
    return "an empty list";
  }
  return "a list of " + std::to_string(size) + (size == 1 ? " entry" : " entries");
}

}  // namespace

YamlNode YamlNode::null() {
  return {};
}

YamlNode YamlNode::plain(std::string text) {
  YamlNode node;
  node.kind = Kind::kScalar;
  node.text = std::move(text);
  return node;
}

YamlNode YamlNode::quoted(std::string text) {
  YamlNode node = plain(std::move(text));
  node.is_quoted = true;
  return node;
}

YamlNode YamlNode::map() {
  YamlNode node;
  node.kind = Kind::kMap;
  return node;
}

YamlNode YamlNode::sequence(std::vector<YamlNode> entries) {
  YamlNode node;
  node.kind = Kind::kSequence;
  node.children = std::move(entries);
  return node;
}

const YamlNode* YamlNode::find(std::string_view name) const {
  if (kind != Kind::kMap) {
    return nullptr;
  }
  for (const YamlNode& child : children) {
    if (child.key == name) {
      return &child;
    }
  }
  return nullptr;
}

YamlNode* YamlNode::find(std::string_view name) {
  return const_cast<YamlNode*>(std::as_const(*this).find(name));
}

YamlNode& YamlNode::add(const std::string& name, YamlNode value) {
  value.key = name;
  value.key_origin = value.origin;
  children.push_back(std::move(value));
  return children.back();
}

void YamlNode::assign(YamlNode value) {
  value.key = std::move(key);
  value.key_origin = std::move(key_origin);
  *this = std::move(value);
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return describe_scalar(node);
    case YamlNode::Kind::kSequence:
      return describe_list(node.children.size());
    case YamlNode::Kind::kMap:
      return "a section";
    case YamlNode::Kind::kInvalid:
      break;
  }
  return "an invalid value";
}

const YamlNode* find_path(const YamlNode& root, const std::string& path) {
  const YamlNode* node = &root;
  std::istringstream parts(path);
  for (std::string part; node != nullptr && std::getline(parts, part, '.');) {
    if (node->kind == YamlNode::Kind::kSequence) {
      const std::optional<int64_t> idx = parse_integer(part);
      const bool is_inside = idx && *idx >= 0 && *idx < static_cast<int64_t>(node->children.size());
      node = is_inside ? &node->children[static_cast<size_t>(*idx)] : nullptr;
    } else {
      node = node->find(part);
    }
  }
  return node;
}

std::string print_yaml(const YamlNode& map, bool with_origins) {
  std::ostringstream out;
  print_map(map, "", "", with_origins, out);
  return out.str();
}

}  // namespace hecaton::recipes
