// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/json_schema.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "recipes/config/aliases.h"
#include "recipes/config/recipe_schema.h"
#include "recipes/config/value_form.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {
namespace {

/// A schema that holds where the recipe gives the key of that dotted path.
YamlNode presence(const std::string& path) {
  const size_t dot = path.find('.');
  const std::string first = path.substr(0, dot);
  YamlNode form =
      json_object({{"type", YamlNode::quoted("object")}, {"required", json_texts({first})}});
  if (dot != std::string::npos) {
    form.add("properties", json_object({{first, presence(path.substr(dot + 1))}}));
  }
  return form;
}

/// For each required key with other names: a schema that holds where one of its names is given.
/// Such keys stop being required by their own name.
std::vector<YamlNode> presence_by_any_name(std::vector<KeyDescription>& keys,
                                           const std::vector<OtherName>& names) {
  std::vector<YamlNode> forms;
  for (KeyDescription& key : keys) {
    std::vector<YamlNode> spellings = {presence(key.path)};
    for (const OtherName& name : names) {
      if (name.canonical == key.path) {
        spellings.push_back(presence(name.path));
      }
    }
    if (key.is_required && spellings.size() > 1) {
      key.is_required = false;
      forms.push_back(any_of(spellings));
    }
  }
  return forms;
}

YamlNode described(const OtherName& name) {
  YamlNode form = json_object({{"description", YamlNode::quoted(name.doc)}});
  if (name.is_old) {
    form.add("deprecated", YamlNode::plain("true"));
  }
  for (const YamlNode& member : name.json.children) {
    form.add(member.key, member);
  }
  return form;
}

YamlNode environment_form() {
  return json_object({{"description", YamlNode::quoted("an environment variable")},
                      {"type", YamlNode::quoted("string")},
                      {"pattern", YamlNode::quoted(R"(\$\{[^}]+\})")}});
}

}  // namespace

std::string recipe_json_schema() {
  const std::vector<OtherName> names = other_names();
  std::vector<KeyDescription> keys = recipe_schema().describe();
  std::vector<YamlNode> presences = presence_by_any_name(keys, names);
  YamlNode recipe = section_form(keys, recipe_sections());
  for (const OtherName& name : names) {
    add_property(recipe, name.path, described(name));
  }
  YamlNode root =
      json_object({{"$schema", YamlNode::quoted("https://json-schema.org/draft/2020-12/schema")},
                   {"title", YamlNode::quoted("Hecaton recipe")}});
  for (const YamlNode& member : recipe.children) {
    root.add(member.key, member);
  }
  root.find("type")->assign(YamlNode::quoted("object"));
  if (!presences.empty()) {
    root.add("allOf", YamlNode::sequence(std::move(presences)));
  }
  root.add("$defs", json_object({{"environment", environment_form()}}));
  return print_json(root);
}

}  // namespace hecaton::recipes
