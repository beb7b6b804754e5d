// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipes/config/codec.h"
#include "recipes/config/value_form.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {

/// One key of an Owner: everything that reading, checking and printing know about it. Its default
/// is the member's default value.
template <typename Owner>
struct Key {
  std::string path;  ///< dotted, from the owner
  std::string doc;   ///< one line: meaning and unit
  std::string expected;
  ValueForm form;
  bool is_required = false;
  std::function<bool(const YamlNode&, Owner&, const ReadContext&)> read;
  std::function<YamlNode(const Owner&)> write;

  /// The same key, without which a recipe is refused.
  Key required() const {
    Key key = *this;
    key.is_required = true;
    return key;
  }
};

/// The key of the member that `member` returns a reference to.
template <typename Owner, typename Member, typename T>
Key<Owner> make_key(const std::string& path,
                    const std::string& doc,
                    Member member,
                    const Codec<T>& codec) {
  Key<Owner> key;
  key.path = path;
  key.doc = doc;
  key.expected = codec.expected;
  key.form = codec.form;
  key.read = [member, codec](const YamlNode& node, Owner& owner, const ReadContext& context) {
    return codec.read(node, member(owner), context);
  };
  key.write = [member, codec](const Owner& owner) { return codec.write(member(owner)); };
  return key;
}

/// "unknown key; did you mean ...?" with the name of the same section that is nearest by edit
/// distance, or one of another section if that is nearer and at most two edits away.
///
/// names: every known key and section, dotted.
std::string unknown_key_message(const std::string& path, const std::vector<std::string>& names);

/// The node at `path` below `map`, made of maps where it is absent.
YamlNode& section_at(YamlNode& map, const std::string& path);

/// The keys of an Owner, in the order in which they are printed.
template <typename Owner>
class Schema {
 public:
  explicit Schema(std::vector<Key<Owner>> keys) : keys_(std::move(keys)) {}

  const std::vector<Key<Owner>>& keys() const { return keys_; }

  /// The key of that dotted path, or nullptr.
  const Key<Owner>* find(const std::string& path) const {
    for (const Key<Owner>& key : keys_) {
      if (key.path == path) {
        return &key;
      }
    }
    return nullptr;
  }

  bool is_section(const std::string& path) const {
    for (const Key<Owner>& key : keys_) {
      if (key.path.rfind(path + ".", 0) == 0) {
        return true;
      }
    }
    return false;
  }

  /// Every key and every section, dotted.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Key<Owner>& key : keys_) {
      for (size_t dot = key.path.find('.'); dot != std::string::npos;
           dot = key.path.find('.', dot + 1)) {
        const std::string section = key.path.substr(0, dot);
        if (std::find(names.begin(), names.end(), section) == names.end()) {
          names.push_back(section);
        }
      }
      names.push_back(key.path);
    }
    return names;
  }

  /// Reads every key of the map `node`; unknown and missing keys are faults. Returns whether all
  /// were read.
  bool read(const YamlNode& node, Owner& owner, const ReadContext& context) const {
    if (node.kind != YamlNode::Kind::kMap) {
      return context.refuse(node);
    }
    bool is_read = read_section(node, "", owner, context);
    for (const Key<Owner>& key : keys_) {
      is_read = (!key.is_required || has_key(node, key, context)) && is_read;
    }
    return is_read;
  }

  /// What pages and editors are told about the keys.
  std::vector<KeyDescription> describe() const {
    const Owner defaults;
    std::vector<KeyDescription> described;
    described.reserve(keys_.size());
    for (const Key<Owner>& key : keys_) {
      KeyDescription description = {
          key.path, key.doc, key.expected, key.is_required, std::nullopt, key.form};
      const YamlNode value = key.write(defaults);
      const bool is_empty_text = value.kind == YamlNode::Kind::kScalar && value.text.empty();
      if (!key.is_required && !is_empty_text) {
        description.default_value = value;
      }
      described.push_back(std::move(description));
    }
    return described;
  }

  YamlNode write(const Owner& owner) const {
    YamlNode map = YamlNode::map();
    for (const Key<Owner>& key : keys_) {
      const size_t dot = key.path.rfind('.');
      const bool is_top = dot == std::string::npos;
      YamlNode& section = is_top ? map : section_at(map, key.path.substr(0, dot));
      section.add(is_top ? key.path : key.path.substr(dot + 1), key.write(owner));
    }
    return map;
  }

 private:
  bool read_section(const YamlNode& node,
                    const std::string& section,
                    Owner& owner,
                    const ReadContext& context) const {
    bool is_read = true;
    for (const YamlNode& child : node.children) {
      const std::string path = join_path(section, child.key);
      if (const Key<Owner>* key = find(path)) {
        is_read = key->read(child, owner, context.at(path, key->expected)) && is_read;
      } else if (!is_section(path)) {
        const ReadContext place = context.at(path, "");
        context.faults.add(child.key_origin, place.path, unknown_key_message(path, names()));
        is_read = false;
      } else if (child.kind == YamlNode::Kind::kMap) {
        is_read = read_section(child, path, owner, context) && is_read;
      } else if (child.kind != YamlNode::Kind::kNull) {  // a section may be left empty
        is_read = context.at(path, "a section of keys").refuse(child);
      }
    }
    return is_read;
  }

  /// Lists a fault, in the nearest section that is there, if a required key is missing.
  bool has_key(const YamlNode& node, const Key<Owner>& key, const ReadContext& context) const {
    const ReadContext place = context.at(key.path, "");
    if (find_path(node, key.path) != nullptr || context.faults.touches(place.path)) {
      return true;
    }
    const YamlNode* nearest = nullptr;
    for (std::string path = key.path; nearest == nullptr && path.find('.') != std::string::npos;) {
      path.resize(path.rfind('.'));
      nearest = find_path(node, path);
    }
    const Origin& origin = nearest == nullptr ? node.origin : nearest->key_origin;
    context.faults.add(origin, place.path, "required key is missing (" + key.doc + ")");
    return false;
  }

  std::vector<Key<Owner>> keys_;
};

/// A section with a schema of its own, as the entry of a list.
template <typename T>
Codec<T> section_of(const Schema<T>& schema) {
  return {"a section of keys",
          [&schema](const YamlNode& node, T& value, const ReadContext& context) {
            return schema.read(node, value, context);
          },
          [&schema](const T& value) { return schema.write(value); },
          {section_form(schema.describe()), schema.describe()}};
}

}  // namespace hecaton::recipes
