// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/fuzz/yaml_mutation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "recipes/config/aliases.h"
#include "recipes/config/recipe_schema.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::fuzz {
namespace {

using Lines = std::vector<std::string>;

// Values at the limits of some key, or of another type; what YAML has and recipes refuse.
const std::array<std::string, 56> kValues = {"true",
                                             "false",
                                             "null",
                                             "~",
                                             "0",
                                             "1",
                                             "2",
                                             "3",
                                             "-1",
                                             "4096",
                                             "1e-3",
                                             "0.5",
                                             "1.5",
                                             "-0.0",
                                             "1e999",
                                             "-1e999",
                                             "1e-999",
                                             ".inf",
                                             "-.inf",
                                             ".nan",
                                             "007",
                                             "0x10",
                                             "1_000",
                                             "9223372036854775807",
                                             "-9223372036854775808",
                                             "9223372036854775808",
                                             "\"\"",
                                             "''",
                                             "\"2\"",
                                             "auto",
                                             "all",
                                             "pretrain",
                                             "sft",
                                             "muon",
                                             "sigmoid",
                                             "rank",
                                             "micro_batch",
                                             "completion",
                                             "[]",
                                             "{}",
                                             "[1, 2]",
                                             "[[1]]",
                                             "{a: 1}",
                                             "[{path: a}, {path: b, weight: 0.5}]",
                                             "[{type: switch, coef: 0.01}]",
                                             "[{match: \"*\", frozen: true}]",
                                             "${HOME}",
                                             "${HECATON_UNSET:-3}",
                                             "${HECATON_UNSET}",
                                             "$${x}",
                                             "${",
                                             "\"\\0\"",
                                             "\"a\\nb\"",
                                             "\"\\xff\"",
                                             "|\n  text",
                                             ">-\n  text"};

const std::array<std::string, 26> kOddities = {"&a ",
                                               "*a",
                                               "!!binary ",
                                               "!local ",
                                               "! ",
                                               "<<: ",
                                               "? ",
                                               "- ",
                                               ": ",
                                               "# ",
                                               "| ",
                                               "\"",
                                               "'",
                                               "{",
                                               "[",
                                               "}",
                                               "]",
                                               ",",
                                               "---\n",
                                               "...\n",
                                               "%YAML 1.2\n---\n",
                                               "\t",
                                               "\xEF\xBB\xBF",
                                               "\xC2\x85",
                                               "\xFF\xFE",
                                               "\xC3\x28"};

struct Key {
  std::string path;           ///< dotted
  std::string default_value;  ///< as YAML on one line; empty if there is none
};

std::string one_line_yaml(const recipes::YamlNode& value) {
  recipes::YamlNode map = recipes::YamlNode::map();
  map.add("k", value);
  const std::string text = recipes::print_yaml(map, /*with_origins=*/false);
  const bool is_one_line = text.starts_with("k: ") && text.find('\n') + 1 == text.size();
  return is_one_line ? text.substr(3, text.size() - 4) : "";
}

/// Every key, old names too.
const std::vector<Key>& keys() {
  static const std::vector<Key> kKeys = [] {
    std::vector<Key> keys;
    for (const recipes::KeyDescription& key : recipes::recipe_schema().describe()) {
      keys.push_back({key.path, key.default_value ? one_line_yaml(*key.default_value) : ""});
    }
    for (const recipes::OtherName& other : recipes::other_names()) {
      keys.push_back({other.path, ""});
    }
    return keys;
  }();
  return kKeys;
}

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

size_t indent_of(const std::string& line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

/// A key at the top, or in a section that is there, or in one that is made for it.
void add_key(Lines& lines, Random& random) {
  const Key& key = random.any_of(keys());
  std::string path = key.path;
  size_t place = lines.size();
  size_t indent = 0;
  for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.')) {
    const std::string section = std::string(indent, ' ') + path.substr(0, dot) + ":\n";
    path.erase(0, dot + 1);
    indent += 2;
    const auto known = std::find(lines.begin(), lines.end(), section);
    if (known == lines.end()) {
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(place), section);
      ++place;
    } else {
      place = static_cast<size_t>(known - lines.begin()) + 1;
    }
  }
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(place),
               std::string(indent, ' ') + path + ": " +
                   (random.one_in(2) ? key.default_value : random.any_of(kValues)) + "\n");
}

void change_value(std::string& line, const Lines& lines, Random& random) {
  const size_t colon = line.find(": ");
  if (colon == std::string::npos) {
    mutate_bytes(line, random);
    return;
  }
  const std::string& other = random.any_of(lines);
  const size_t other_colon = other.find(": ");
  const bool takes_other = other_colon != std::string::npos && random.one_in(3);
  line = line.substr(0, colon + 2) +
         (takes_other ? other.substr(other_colon + 2) : random.any_of(kValues) + "\n");
}

void rename_key(std::string& line, Random& random) {
  const std::string& path = random.any_of(keys()).path;
  const std::string key = path.substr(path.rfind('.') + 1);
  const size_t colon = line.find(':');
  const size_t indent = indent_of(line);
  if (colon != std::string::npos && colon >= indent) {
    line.replace(indent, colon - indent, random.one_in(2) ? key : path);
  }
}

void put_oddity(std::string& line, Random& random) {
  const size_t place = random.one_in(2) ? indent_of(line) : random.below(line.size() + 1);
  line.insert(place,
              random.one_in(16) ? std::string(1 + random.below(100), random.one_in(2) ? '[' : '{')
                                : random.any_of(kOddities));
}

void change_lines(Lines& lines, Random& random) {
  const size_t place = random.below(lines.size());
  const auto here = lines.begin() + static_cast<std::ptrdiff_t>(place);
  switch (random.below(6)) {
    case 0:
      lines.erase(here);
      break;
    case 1:
      lines.insert(here, std::string(*here));
      break;
    case 2:
      std::swap(lines[place], lines[random.below(lines.size())]);
      break;
    case 3:
      here->insert(0, 1 + random.below(3), ' ');
      break;
    case 4:
      here->erase(0, std::min(indent_of(*here), 1 + random.below(3)));
      break;
    default:
      mutate_bytes(*here, random);
  }
}

}  // namespace

std::string mutate_yaml(std::string_view text, Random& random) {
  Lines lines = lines_of(text);
  do {
    const size_t kind = lines.empty() ? 0 : random.below(8);
    switch (kind) {
      case 0:
      case 1:
        add_key(lines, random);
        break;
      case 2:
        put_oddity(lines[random.below(lines.size())], random);
        break;
      case 3:
        rename_key(lines[random.below(lines.size())], random);
        break;
      case 4:
        change_lines(lines, random);
        break;
      default:
        change_value(lines[random.below(lines.size())], lines, random);
    }
  } while (random.one_in(2));
  std::string mutated;
  for (const std::string& line : lines) {
    mutated += line;
  }
  return mutated;
}

}  // namespace hecaton::fuzz
