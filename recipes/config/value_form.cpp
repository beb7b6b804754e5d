// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/value_form.h"

#include <algorithm>
#include <cstddef>

#include <nlohmann/json.hpp>

#include "recipes/config/yaml_scalar.h"

namespace hecaton::recipes {
namespace {

using OrderedJson = nlohmann::ordered_json;

YamlNode number_node(double value) {
  return YamlNode::plain(print_number(value));
}

OrderedJson to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
    case YamlNode::Kind::kInvalid:
      return nullptr;
    case YamlNode::Kind::kSequence: {
      OrderedJson array = OrderedJson::array();
      for (const YamlNode& child : node.children) {
        array.push_back(to_json(child));
      }
      return array;
    }
    case YamlNode::Kind::kMap: {
      OrderedJson object = OrderedJson::object();
      for (const YamlNode& child : node.children) {
        object[child.key] = to_json(child);
      }
      return object;
    }
    case YamlNode::Kind::kScalar:
      break;
  }
  if (!node.is_quoted) {
    if (const auto value = parse_boolean(node.text)) {
      return *value;
    }
    if (const auto value = parse_integer(node.text)) {
      return *value;
    }
    if (const auto value = parse_number(node.text)) {
      return *value;
    }
  }
  return node.text;
}

/// The schema of the section at the dotted `path` below the schema `root`, made where it is absent.
YamlNode& section_below(YamlNode& root, const std::string& path) {
  YamlNode* section = &root;
  for (size_t begin = 0; begin < path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    const std::string name = path.substr(begin, dot - begin);
    YamlNode& properties = *section->find("properties");
    YamlNode* inner = properties.find(name);
    section = inner != nullptr ? inner : &properties.add(name, section_form({}));
    begin = dot + 1;
  }
  return *section;
}

/// Adds `name` to the schema's required properties, which cannot be left empty then.
void require(YamlNode& section, const std::string& name) {
  section.find("type")->assign(YamlNode::quoted("object"));
  YamlNode* required = section.find("required");
  if (required == nullptr) {
    required = &section.add("required", YamlNode::sequence({}));
  }
  for (const YamlNode& known : required->children) {
    if (known.text == name) {
      return;
    }
  }
  required->children.push_back(YamlNode::quoted(name));
}

/// Requires every section on the way to the key, and the key.
void require_path(YamlNode& root, const std::string& path) {
  for (size_t begin = 0; begin < path.size();) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    require(section_below(root, path.substr(0, begin == 0 ? 0 : begin - 1)),
            path.substr(begin, dot - begin));
    begin = dot + 1;
  }
}

YamlNode key_form(const KeyDescription& key) {
  YamlNode form = json_object({{"description", YamlNode::quoted(key.doc)}});
  for (const YamlNode& member : key.form.json.children) {
    form.add(member.key, member);
  }
  if (key.default_value) {
    form.add("default", *key.default_value);
  }
  return form;
}

}  // namespace

bool NumberRange::contains(double value) const {
  const bool is_above = !min || (excludes_min ? value > *min : value >= *min);
  const bool is_below = !max || (excludes_max ? value < *max : value <= *max);
  return is_above && is_below;
}

std::string NumberRange::text() const {
  if (!min) {
    return "";
  }
  if (!max) {
    return (excludes_min ? "above " : "of at least ") + print_number(*min);
  }
  return std::string("in ") + (excludes_min ? "(" : "[") + print_number(*min) + ", " +
         print_number(*max) + (excludes_max ? ")" : "]");
}

YamlNode json_object(const JsonMembers& members) {
  YamlNode object = YamlNode::map();
  for (const auto& [name, value] : members) {
    object.add(name, value);
  }
  return object;
}

YamlNode json_texts(const std::vector<std::string>& texts) {
  std::vector<YamlNode> nodes;
  nodes.reserve(texts.size());
  for (const std::string& text : texts) {
    nodes.push_back(YamlNode::quoted(text));
  }
  return YamlNode::sequence(std::move(nodes));
}

YamlNode any_of(const std::vector<YamlNode>& forms) {
  std::vector<YamlNode> flat;
  for (const YamlNode& form : forms) {
    const YamlNode* inner = form.children.size() == 1 ? form.find("anyOf") : nullptr;
    if (inner != nullptr) {
      flat.insert(flat.end(), inner->children.begin(), inner->children.end());
    } else {
      flat.push_back(form);
    }
  }
  return json_object({{"anyOf", YamlNode::sequence(std::move(flat))}});
}

YamlNode or_environment(const YamlNode& form) {
  return any_of({form, json_object({{"$ref", YamlNode::quoted("#/$defs/environment")}})});
}

YamlNode integer_form(int64_t min, std::optional<int64_t> max) {
  YamlNode form = json_object(
      {{"type", YamlNode::quoted("integer")}, {"minimum", YamlNode::plain(std::to_string(min))}});
  if (max) {
    form.add("maximum", YamlNode::plain(std::to_string(*max)));
  }
  return form;
}

YamlNode number_form(const NumberRange& range) {
  YamlNode form = json_object({{"type", YamlNode::quoted("number")}});
  if (range.min) {
    form.add(range.excludes_min ? "exclusiveMinimum" : "minimum", number_node(*range.min));
  }
  if (range.max) {
    form.add(range.excludes_max ? "exclusiveMaximum" : "maximum", number_node(*range.max));
  }
  return form;
}

YamlNode words_form(const std::vector<std::string>& words) {
  return json_object({{"enum", json_texts(words)}});
}

YamlNode unset_form(const std::string& word) {
  return json_object({{"const", word == "null" ? YamlNode::null() : YamlNode::quoted(word)}});
}

YamlNode list_form(const YamlNode& entry) {
  return json_object({{"type", YamlNode::quoted("array")}, {"items", entry}});
}

YamlNode section_form(const std::vector<KeyDescription>& keys,
                      const std::vector<std::pair<std::string, std::string>>& section_docs) {
  YamlNode root = json_object({{"type", json_texts({"object", "null"})},
                               {"properties", YamlNode::map()},
                               {"additionalProperties", YamlNode::plain("false")}});
  for (const KeyDescription& key : keys) {
    add_property(root, key.path, key_form(key));
    if (key.is_required) {
      require_path(root, key.path);
    }
  }
  for (const auto& [path, doc] : section_docs) {
    section_below(root, path).add("description", YamlNode::quoted(doc));
  }
  return root;
}

void add_property(YamlNode& section, const std::string& path, const YamlNode& form) {
  const size_t dot = path.rfind('.');
  const bool is_top = dot == std::string::npos;
  YamlNode& owner = section_below(section, is_top ? "" : path.substr(0, dot));
  owner.find("properties")->add(is_top ? path : path.substr(dot + 1), form);
}

std::string print_json(const YamlNode& node) {
  return to_json(node).dump(2) + "\n";
}

std::string print_json_line(const YamlNode& node) {
  return to_json(node).dump();
}

}  // namespace hecaton::recipes
