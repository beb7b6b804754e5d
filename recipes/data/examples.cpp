// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/examples.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "recipes/data/json_lines.h"

namespace hecaton::recipes {
namespace {

using Json = nlohmann::json;

/// A role, and what stands before the content of its messages.
struct Role {
  std::string_view name;
  std::string_view opening;
};

constexpr std::string_view kAssistant = "assistant";
constexpr std::array<Role, 4> kRoles = {{
    {"system", "<|system|>\n"},
    {"user", "<|user|>\n"},
    {kAssistant, "<|assistant|>\n"},
    {"tool", "<|tool|>\n"},
}};

/// Words of the file are shown as ASCII, in quotes.
std::string shown(const std::string& word) {
  return Json(word.substr(0, 40)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

const Role& role_of(const std::string& name, const std::string& place) {
  for (const Role& role : kRoles) {
    if (role.name == name) {
      return role;
    }
  }
  throw DataError(place + ": role: expected system, user, assistant or tool, found " + shown(name));
}

/// The text that the model learns to write: not empty.
const std::string& answer(const Json& object, const std::string& key, const std::string& place) {
  const std::string& text = json_text(object, key, place);
  if (text.empty()) {
    throw DataError(place + ": " + key + ": expected text to train on, found an empty one");
  }
  return text;
}

std::vector<TextPart> prompt_completion_parts(const Json& line,
                                              TrainOn train_on,
                                              const std::string& place) {
  return {{.text = json_text(line, "prompt", place), .is_trained = train_on == TrainOn::kAll},
          {.text = answer(line, "completion", place), .is_trained = true, .has_end = true}};
}

void check_message(const Json& message, const std::string& place) {
  if (!message.is_object()) {
    throw DataError(place + ": expected an object, found " + message.type_name());
  }
  for (const auto& item : message.items()) {
    if (item.key() != "role" && item.key() != "content" && !item.value().is_null()) {
      throw DataError(place + ": expected role and content, found the key " + shown(item.key()));
    }
  }
}

std::vector<TextPart> message_parts(const Json& line, TrainOn train_on, const std::string& place) {
  const auto messages = line.find("messages");
  if (messages == line.end() || !messages->is_array()) {
    throw DataError(place + ": messages: expected a list, found " +
                    (messages == line.end() ? "no such key" : messages->type_name()));
  }
  const auto tools = line.find("tools");
  if (tools != line.end() && !tools->is_null()) {
    throw DataError(place + ": tools: expected none, found some: there is no layout for them");
  }
  const bool trains_all = train_on == TrainOn::kAll;
  std::vector<TextPart> parts;
  TextPart* last_answer = nullptr;
  parts.reserve(3 * messages->size());  // no part moves while last_answer points at one
  for (size_t idx = 0; idx < messages->size(); ++idx) {
    const Json& message = (*messages)[idx];
    const std::string message_place = place + ": messages." + std::to_string(idx);
    check_message(message, message_place);
    const Role& role = role_of(json_text(message, "role", message_place), message_place);
    parts.push_back({.text = role.opening, .is_trained = trains_all});
    if (role.name != kAssistant) {
      parts.push_back(
          {.text = json_text(message, "content", message_place), .is_trained = trains_all});
      parts.push_back({.text = "\n", .is_trained = trains_all});
      continue;
    }
    if (last_answer != nullptr && train_on == TrainOn::kCompletion) {
      last_answer->is_trained = false;
    }
    last_answer = &parts.emplace_back(TextPart{
        .text = answer(message, "content", message_place), .is_trained = true, .has_end = true});
  }
  if (last_answer == nullptr) {
    throw DataError(place + ": messages: expected one of the assistant, found none");
  }
  return parts;
}

int64_t num_tokens_of(const TextPart& part) {
  return static_cast<int64_t>(part.text.size()) + (part.has_end ? 1 : 0);
}

/// Takes tokens off the end until at most max_tokens are left.
void cut(std::vector<TextPart>& parts, int64_t max_tokens) {
  for (TextPart& part : parts) {
    const int64_t num_tokens = num_tokens_of(part);
    if (num_tokens > max_tokens) {
      part.text = part.text.substr(0, static_cast<size_t>(max_tokens));
      part.has_end = false;
    }
    max_tokens -= std::min(num_tokens, max_tokens);
  }
}

/// Whether anything is trained on. The first token of an example never is: nothing precedes it.
bool has_target(const std::vector<TextPart>& parts) {
  int64_t num_before = 0;
  for (const TextPart& part : parts) {
    if (part.is_trained && num_before + num_tokens_of(part) > std::max<int64_t>(num_before, 1)) {
      return true;
    }
    num_before += num_tokens_of(part);
  }
  return false;
}

/// Collects examples, and does with overlong ones as the options say.
class ExampleCollector {
 public:
  explicit ExampleCollector(const ExampleOptions& options) : options_(options) {}

  void add(std::vector<TextPart> parts, const std::string& place) {
    int64_t num_tokens = 0;
    for (const TextPart& part : parts) {
      num_tokens += num_tokens_of(part);
    }
    if (num_tokens > options_.max_tokens) {
      if (options_.overlong == OverlongExamples::kError) {
        throw DataError(place + ": expected an example of at most " +
                        std::to_string(options_.max_tokens) + " tokens (dataset.sequence_length" +
                        " and one), found " + std::to_string(num_tokens) +
                        "; dataset.overlong_examples can be truncate or drop");
      }
      if (options_.overlong == OverlongExamples::kTruncate) {
        cut(parts, options_.max_tokens);
      }
      if (options_.overlong == OverlongExamples::kDrop || !has_target(parts)) {
        ++set_.num_dropped;
        return;
      }
      ++set_.num_cut;
    }
    builder_.add_document(parts);
  }

  ExampleSet finish() {
    set_.stream = builder_.finish();
    return std::move(set_);
  }

 private:
  ExampleOptions options_;
  TokenStreamBuilder builder_;
  ExampleSet set_;
};

}  // namespace

ExampleSet read_examples(const std::vector<std::string>& paths, const ExampleOptions& options) {
  ExampleCollector collector(options);
  for (const std::string& path : paths) {
    read_json_lines(path, [&](const Json& line, const std::string& place) {
      collector.add(options.format == DataFormat::kMessages
                        ? message_parts(line, options.train_on, place)
                        : prompt_completion_parts(line, options.train_on, place),
                    place);
    });
  }
  return collector.finish();
}

}  // namespace hecaton::recipes
