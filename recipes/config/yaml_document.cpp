// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/yaml_document.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace hecaton::recipes {
namespace {

/// Ends reading after a fault that was listed.
struct StopReading {};

/// Builds the tree out of yaml-cpp's events. Its own node tree hides anchors and duplicate keys.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& text, Origin origin, std::string path, FaultList& faults)
      : text_(text), origin_(std::move(origin)), path_(std::move(path)), faults_(faults) {}

  YamlNode take_document() { return std::move(document_); }

  Origin place(const YAML::Mark& mark) const {
    if (origin_.line == 0) {
      return origin_;
    }
    return {origin_.source, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
  }

  void add_fault(const YAML::Mark& mark, const std::string& message) {
    faults_.add(place(mark), current_path(), message);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++num_documents_ > 1) {
      faults_.add(place(mark), path_, "a second document begins: only one is allowed");
      throw StopReading();
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    complete(start(YamlNode::Kind::kNull, mark, "", anchor));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    add_fault(mark, "aliases (*name) are not allowed: write the value out");
    complete(start(YamlNode::Kind::kInvalid, mark, "", 0));
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = start(YamlNode::Kind::kScalar, mark, tag, anchor);
    node.text = value;
    node.is_quoted = tag == "!";  // how yaml-cpp marks quoted and block scalars
    complete(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(start(YamlNode::Kind::kSequence, mark, tag, anchor), mark);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(start(YamlNode::Kind::kMap, mark, tag, anchor), mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Key {
    std::string name;
    Origin origin;
    bool is_kept = true;  ///< false after a fault of the key itself
  };
  /// A map or sequence whose end has not come yet.
  struct Open {
    YamlNode node;
    std::optional<Key> key;  ///< of the value that comes next
    std::unordered_map<std::string, int> line_of_key;
  };

  std::string current_path() const {
    std::string path = path_;
    for (const Open& open : open_) {
      if (open.node.kind == YamlNode::Kind::kSequence) {
        path = join_path(path, std::to_string(open.node.children.size()));
      } else if (open.key) {
        path = join_path(path, open.key->name);
      }
    }
    return path;
  }

  YamlNode start(YamlNode::Kind kind,
                 const YAML::Mark& mark,
                 const std::string& tag,
                 YAML::anchor_t anchor) {
    if (++num_values_ > kMaxYamlValues) {
      faults_.add(place(mark), path_, "more than " + std::to_string(kMaxYamlValues) + " values");
      throw StopReading();
    }
    YamlNode node;
    node.kind = kind;
    node.origin = place(mark);
    if (anchor != 0) {
      add_fault(mark, "anchors (&name) are not allowed");
    }
    // The tag "!" alone has the same name as no tag on a quoted scalar: the text tells them apart.
    const auto pos = static_cast<size_t>(std::max(mark.pos, 0));
    const bool has_bare_tag = tag == "!" && pos < text_.size() && text_[pos] == '!';
    if (has_bare_tag || (!tag.empty() && tag != "!" && tag != "?")) {
      add_fault(mark, "tags (!name) are not allowed");
    }
    return node;
  }

  void open(YamlNode node, const YAML::Mark& mark) {
    if (open_.size() == kMaxYamlDepth) {
      faults_.add(place(mark),
                  path_,
                  "nesting is deeper than " + std::to_string(kMaxYamlDepth) + " levels");
      throw StopReading();
    }
    open_.push_back({std::move(node), std::nullopt, {}});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    complete(std::move(node));
  }

  void complete(YamlNode node) {
    if (open_.empty()) {
      document_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.children.push_back(std::move(node));
    } else if (!parent.key) {
      take_key(parent, node);
    } else {
      if (parent.key->is_kept) {
        if (node.kind == YamlNode::Kind::kNull && node.origin.line > parent.key->origin.line) {
          node.origin = parent.key->origin;  // nothing was written: yaml-cpp marks what comes next
        }
        node.key = parent.key->name;
        node.key_origin = parent.key->origin;
        parent.node.children.push_back(std::move(node));
      }
      parent.key.reset();
    }
  }

  void take_key(Open& parent, const YamlNode& node) {
    Key key{node.text, node.origin};
    if (node.kind != YamlNode::Kind::kScalar) {
      if (node.kind != YamlNode::Kind::kInvalid) {
        faults_.add(node.origin, current_path(), "a key must be a word, found " + describe(node));
      }
      key.is_kept = false;
    } else if (key.name == "<<" && !node.is_quoted) {
      faults_.add(node.origin, join_path(current_path(), "<<"), "merge keys are not allowed");
      key.is_kept = false;
    } else if (key.name.size() > kMaxYamlKeyBytes) {
      faults_.add(node.origin,
                  current_path(),
                  "a key must have at most " + std::to_string(kMaxYamlKeyBytes) + " bytes, found " +
                      std::to_string(key.name.size()));
      key.is_kept = false;
    } else {
      const auto [known, is_new] = parent.line_of_key.emplace(key.name, node.origin.line);
      if (!is_new) {
        const std::string where =
            node.origin.line == 0 ? "" : ", first given in line " + std::to_string(known->second);
        faults_.add(node.origin, join_path(current_path(), key.name), "duplicate key" + where);
        key.is_kept = false;
      }
    }
    parent.key = std::move(key);
  }

  const std::string& text_;
  Origin origin_;
  std::string path_;
  FaultList& faults_;
  int num_documents_ = 0;
  size_t num_values_ = 0;
  std::vector<Open> open_;
  YamlNode document_;
};

/// Finds a character that YAML does not allow; yaml-cpp takes some of them for the end of the text.
std::optional<size_t> find_control_character(const std::string& text) {
  const auto it = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
  return it == text.end() ? std::nullopt
                          : std::optional(static_cast<size_t>(std::distance(text.begin(), it)));
}

YAML::Mark mark_of(const std::string& text, size_t pos) {
  YAML::Mark mark;
  mark.pos = static_cast<int>(pos);
  mark.line = static_cast<int>(
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(pos), '\n'));
  const size_t line_end = text.rfind('\n', pos);
  mark.column = static_cast<int>(line_end == std::string::npos ? pos : pos - line_end - 1);
  return mark;
}

}  // namespace

YamlNode parse_yaml(const std::string& text,
                    const Origin& origin,
                    const std::string& path,
                    FaultList& faults) {
  constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";
  const std::string body = text.rfind(kByteOrderMark, 0) == 0 ? text.substr(3) : text;
  TreeBuilder builder(body, origin, path, faults);
  YamlNode invalid;
  invalid.kind = YamlNode::Kind::kInvalid;
  invalid.origin = origin;
  if (const std::optional<size_t> pos = find_control_character(body)) {
    faults.add(builder.place(mark_of(body, *pos)), path, "control characters are not allowed");
    return invalid;
  }
  try {
    std::istringstream stream(body);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const StopReading&) {
    return invalid;
  } catch (const YAML::Exception& error) {
    faults.add(builder.place(error.mark), path, "YAML syntax: " + one_line(error.msg));
    return invalid;
  }
  YamlNode document = builder.take_document();
  if (document.kind == YamlNode::Kind::kNull) {
    document.origin = origin;
  }
  return document;
}

}  // namespace hecaton::recipes
