// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_document.h"
#include "recipes/config/yaml_node.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/yaml_mutation.h"

// An input is a YAML document: what stands below the reader of recipes, without their keys.

namespace hecaton::fuzz {
namespace {

using recipes::YamlNode;

constexpr const char* kPath = "document.yaml";

YamlNode parse(const std::string& text) {
  recipes::FaultList faults;
  YamlNode tree = recipes::parse_yaml(text, {kPath, 1, 1}, "", faults);
  faults.throw_if_any();
  return tree;
}

std::string print(YamlNode tree) {
  YamlNode map = YamlNode::map();
  map.add("document", std::move(tree));
  return print_yaml(map, /*with_origins=*/false);
}

bool read(std::string_view input) {
  const auto tree = open_or_refuse<ConfigError>(kPath, [&] { return parse(std::string(input)); });
  if (!tree) {
    return false;
  }
  const std::string text = print(*tree);
  const YamlNode again = parse(text);
  require(print(*again.find("document")) == text,
          "what was read is printed and read again:\n" + text);
  return true;
}

}  // namespace

Target yaml_target() {
  return {"yaml", read, mutate_yaml};
}

}  // namespace hecaton::fuzz
