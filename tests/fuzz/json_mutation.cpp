// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/fuzz/json_mutation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string>

namespace hecaton::fuzz {
namespace {

/// Strings, numbers and words, marks such as braces, runs of blanks. Joined they are the text.
using Tokens = std::vector<std::string>;

// Values of a wrong kind, and text that JSON or our readers refuse.
const std::array<std::string, 22> kOddities = {"null",
                                               "true",
                                               "{}",
                                               "[]",
                                               "[[0]]",
                                               "\"\"",
                                               "-0",
                                               "1.0",
                                               "1e3",
                                               "1e999",
                                               "NaN",
                                               "01",
                                               "\"\\u0000\"",
                                               "\"\\ud800\"",
                                               "\"a\\nb\"",
                                               "\"\x7f\"",
                                               "\"\xC3\x28\"",
                                               "\"\xC0\xAF\"",
                                               "\xEF\xBB\xBF",
                                               "/**/",
                                               "18446744073709551616",
                                               "9223372036854775808"};

bool is_word(unsigned char c) {
  return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '+';
}

/// Length of the token at the front of a text that is not empty.
size_t token_length(std::string_view text) {
  const auto run = [text](auto belongs) {
    return static_cast<size_t>(std::find_if_not(text.begin() + 1, text.end(), belongs) -
                               text.begin());
  };
  const auto first = static_cast<unsigned char>(text.front());
  if (first == '"') {
    size_t end = 1;
    while (end < text.size() && text[end] != '"') {
      end += text[end] == '\\' ? 2 : 1;
    }
    return std::min(end + 1, text.size());
  }
  if (is_word(first)) {
    return run(is_word);
  }
  return std::isspace(first) != 0 ? run([](unsigned char c) { return std::isspace(c) != 0; }) : 1;
}

Tokens tokens_of(std::string_view text) {
  Tokens tokens;
  while (!text.empty()) {
    const size_t length = token_length(text);
    tokens.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return tokens;
}

std::string joined(const Tokens& tokens) {
  std::string text;
  for (const std::string& token : tokens) {
    text += token;
  }
  return text;
}

bool is_number(const std::string& token) {
  return std::isdigit(static_cast<unsigned char>(token[0])) != 0 || token[0] == '-';
}
bool is_string(const std::string& token) {
  return token[0] == '"';
}
bool opens(const std::string& token) {
  return token == "{" || token == "[";
}
bool closes(const std::string& token) {
  return token == "}" || token == "]";
}

/// One past the value that begins at a token: to the bracket that closes it, a member with its
/// value.
size_t value_end(const Tokens& tokens, size_t begin) {
  size_t end = begin;
  size_t depth = 0;
  while (end < tokens.size()) {
    depth += opens(tokens[end]) ? 1 : 0;
    depth -= closes(tokens[end]) && depth > 0 ? 1 : 0;
    ++end;
    if (depth == 0 && !(end < tokens.size() && tokens[end] == ":") && tokens[end - 1] != ":") {
      break;
    }
  }
  return end;
}

/// The place of one of the tokens that `is_wanted`, or of any.
size_t any_place(const Tokens& tokens, bool (*is_wanted)(const std::string&), Random& random) {
  const size_t start = random.below(tokens.size());
  for (size_t step = 0; step < tokens.size(); ++step) {
    const size_t place = (start + step) % tokens.size();
    if (is_wanted(tokens[place])) {
      return place;
    }
  }
  return start;
}

void change_number(Tokens& tokens, Random& random) {
  std::string& number = tokens[any_place(tokens, is_number, random)];
  switch (random.below(3)) {
    case 0:
      number = std::to_string(hostile_number(random));
      break;
    case 1:
      number = tokens[any_place(tokens, is_number, random)];
      break;
    default:
      number = std::to_string(random.below(10));
  }
}

void change_string(Tokens& tokens, const JsonWords& words, Random& random) {
  std::string& string = tokens[any_place(tokens, is_string, random)];
  if (random.one_in(3)) {
    string = tokens[any_place(tokens, is_string, random)];
  } else if (random.one_in(8)) {
    string = "\"" + std::string(random.below(1100), 'n') + "\"";
  } else {
    string = random.any_of(words.values);
  }
}

void remove_value(Tokens& tokens, Random& random) {
  const size_t begin = random.below(tokens.size());
  size_t end = value_end(tokens, begin);
  if (end < tokens.size() && tokens[end] == ",") {
    ++end;
  }
  tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
               tokens.begin() + static_cast<std::ptrdiff_t>(end));
}

/// Repeats a value behind itself, or puts it in the place of another.
void copy_value(Tokens& tokens, Random& random) {
  const size_t begin = any_place(tokens, random.one_in(2) ? is_string : opens, random);
  const Tokens value(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                     tokens.begin() + static_cast<std::ptrdiff_t>(value_end(tokens, begin)));
  if (random.one_in(2)) {
    const auto behind = tokens.begin() + static_cast<std::ptrdiff_t>(begin + value.size());
    tokens.insert(tokens.insert(behind, ",") + 1, value.begin(), value.end());
    return;
  }
  const size_t other = random.below(tokens.size());
  const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(other);
  const auto last = tokens.begin() + static_cast<std::ptrdiff_t>(value_end(tokens, other));
  const auto gap = tokens.erase(first, last);
  tokens.insert(gap, value.begin(), value.end());
}

void add_member(Tokens& tokens, const JsonWords& words, Random& random) {
  const size_t place = any_place(tokens, opens, random);
  const bool is_first = place + 1 < tokens.size() && closes(tokens[place + 1]);
  tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(place + 1),
                random.any_of(words.members) + (is_first ? "" : ","));
}

void put_oddity(Tokens& tokens, Random& random) {
  std::string& token = tokens[random.below(tokens.size())];
  if (random.one_in(16)) {
    token = std::string(1 + random.below(200), random.one_in(2) ? '[' : '{');
  } else if (random.one_in(16)) {
    token = std::string(1, '\0');
  } else {
    token = random.any_of(kOddities);
  }
}

}  // namespace

std::string mutate_json(std::string_view json, const JsonWords& words, Random& random) {
  std::string text(json.empty() ? "{}" : json);
  do {
    Tokens tokens = tokens_of(text.empty() ? "{}" : text);
    switch (random.below(16)) {
      case 0:
        put_oddity(tokens, random);
        break;
      case 1:
        mutate_bytes(tokens[random.below(tokens.size())], random);
        break;
      case 2:
      case 3:
        remove_value(tokens, random);
        break;
      case 4:
      case 5:
        copy_value(tokens, random);
        break;
      case 6:
      case 7:
        add_member(tokens, words, random);
        break;
      case 8:
      case 9:
      case 10:
      case 11:
        change_string(tokens, words, random);
        break;
      default:
        change_number(tokens, random);
    }
    text = joined(tokens);
  } while (random.one_in(2));
  return text;
}

}  // namespace hecaton::fuzz
