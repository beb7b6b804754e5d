// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/examples.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/data/tokenizer.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

class ExamplesTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "a.jsonl"; }

  ExampleSet read(const std::string& content, const ExampleOptions& options = {}) const {
    write_bytes(path(), content);
    return read_examples({path()}, options);
  }

  void expect_refused(const std::string& content,
                      const std::string& text,
                      const ExampleOptions& options = {}) const {
    expect_error<DataError>([&] { read(content, options); }, path() + ":" + text);
  }

  TemporaryFolder folder_;
};

/// The examples, one a line; what is not trained on is in brackets, a document end is #.
std::string shown(const ExampleSet& examples) {
  const TokenStream& stream = examples.stream;
  std::string text;
  bool is_marked = false;
  for (int64_t idx = 0; idx < stream.num_tokens(); ++idx) {
    int64_t id = 0;
    stream.tokens.copy(idx, 1, &id);
    if (idx > 0 && stream.document_of(idx) != stream.document_of(idx - 1)) {
      text += is_marked ? "]\n" : "\n";
      is_marked = false;
    }
    if (stream.trains_on(idx) == is_marked) {
      is_marked = !is_marked;
      text += is_marked ? "[" : "]";
    }
    text += id == ByteTokenizer::kDocumentEndId ? '#' : static_cast<char>(id);
  }
  return text + (is_marked ? "]" : "");
}

const std::string kPairs =
    "{\"prompt\": \"2+2=\", \"completion\": \"4\", \"source\": \"school\"}\n"
    "{\"prompt\": \"\", \"completion\": \"yes\"}\n";

TEST_F(ExamplesTest, TrainsOnCompletions) {
  const ExampleSet examples = read(kPairs);
  EXPECT_EQ(shown(examples), "[2+2=]4#\nyes#");
  EXPECT_EQ(examples.num_cut, 0);
  EXPECT_EQ(examples.num_dropped, 0);
  EXPECT_EQ(shown(read(kPairs, {.train_on = TrainOn::kCompletion})), "[2+2=]4#\nyes#");
  EXPECT_EQ(shown(read(kPairs, {.train_on = TrainOn::kAll})), "2+2=4#\nyes#");
}

const std::string kConversation =
    R"({"messages": [{"role": "system", "content": "Be brief."},)"
    R"( {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello", "name": null},)"
    R"( {"role": "tool", "content": ""}, {"role": "assistant", "content": "Bye"}], "tools": null})"
    "\n";

TEST_F(ExamplesTest, LaysConversationsOut) {
  const DataFormat format = DataFormat::kMessages;
  EXPECT_EQ(shown(read(kConversation, {.format = format})),
            "[<|system|>\nBe brief.\n<|user|>\nHi\n<|assistant|>\n]Hello#"
            "[<|tool|>\n\n<|assistant|>\n]Bye#");
  EXPECT_EQ(shown(read(kConversation, {.format = format, .train_on = TrainOn::kCompletion})),
            "[<|system|>\nBe brief.\n<|user|>\nHi\n<|assistant|>\nHello#"
            "<|tool|>\n\n<|assistant|>\n]Bye#");
  EXPECT_EQ(shown(read(kConversation, {.format = format, .train_on = TrainOn::kAll})),
            "<|system|>\nBe brief.\n<|user|>\nHi\n<|assistant|>\nHello#"
            "<|tool|>\n\n<|assistant|>\nBye#");
}

TEST_F(ExamplesTest, ReadsSeveralFilesInOrder) {
  write_bytes(folder_ / "b.jsonl", R"({"prompt": "b", "completion": "c"})");
  write_bytes(path(), R"({"prompt": "a", "completion": "b"})");
  EXPECT_EQ(shown(read_examples({folder_ / "b.jsonl", path()}, {})), "[b]c#\n[a]b#");
}

TEST_F(ExamplesTest, DoesWithOverlongExamplesAsAsked) {
  const std::string lines =
      "{\"prompt\": \"ab\", \"completion\": \"cd\"}\n"      // 5 tokens
      "{\"prompt\": \"ab\", \"completion\": \"cde\"}\n"     // 6
      "{\"prompt\": \"abcde\", \"completion\": \"fg\"}\n";  // nothing trained on in the first 5
  expect_refused(lines,
                 "2: expected an example of at most 5 tokens (dataset.sequence_length and one), "
                 "found 6; dataset.overlong_examples can be truncate or drop",
                 {.max_tokens = 5});
  const ExampleSet truncated =
      read(lines, {.overlong = OverlongExamples::kTruncate, .max_tokens = 5});
  EXPECT_EQ(shown(truncated), "[ab]cd#\n[ab]cde");
  EXPECT_EQ(truncated.num_cut, 1);
  EXPECT_EQ(truncated.num_dropped, 1);
  const ExampleSet dropped = read(lines, {.overlong = OverlongExamples::kDrop, .max_tokens = 5});
  EXPECT_EQ(shown(dropped), "[ab]cd#");
  EXPECT_EQ(dropped.num_cut, 0);
  EXPECT_EQ(dropped.num_dropped, 2);
}

TEST_F(ExamplesTest, RefusesFaultyPairs) {
  expect_refused(R"({"prompt": "a"})", "1: completion: expected text, found no such key");
  expect_refused(kPairs + R"({"prompt": ["a"], "completion": "b"})",
                 "3: prompt: expected text, found array");
  expect_refused(R"({"prompt": "a", "completion": ""})",
                 "1: completion: expected text to train on, found an empty one");
}

TEST_F(ExamplesTest, RefusesFaultyConversations) {
  const ExampleOptions options = {.format = DataFormat::kMessages};
  const auto expect_refused_messages = [&](const std::string& messages, const std::string& text) {
    expect_refused("{\"messages\": " + messages + "}", text, options);
  };
  expect_refused("{}", "1: messages: expected a list, found no such key", options);
  expect_refused_messages("{}", "1: messages: expected a list, found object");
  expect_refused_messages("[]", "1: messages: expected one of the assistant, found none");
  expect_refused_messages("[7]", "1: messages.0: expected an object, found number");
  expect_refused_messages(R"([{"role": "user", "content": "a"}])",
                          "1: messages: expected one of the assistant, found none");
  expect_refused_messages(
      R"([{"role": "bot\n", "content": "a"}])",
      R"(1: messages.0: role: expected system, user, assistant or tool, found "bot\n")");
  expect_refused_messages(R"([{"role": "user", "content": null}])",
                          "1: messages.0: content: expected text, found null");
  expect_refused_messages(R"([{"role": "assistant", "content": ""}])",
                          "1: messages.0: content: expected text to train on, found an empty one");
  expect_refused_messages(
      R"([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "tool_calls": []}])",
      R"(1: messages.1: expected role and content, found the key "tool_calls")");
  expect_refused(R"({"messages": [{"role": "assistant", "content": "a"}], "tools": [{}]})",
                 "1: tools: expected none, found some: there is no layout for them",
                 options);
}

}  // namespace
}  // namespace hecaton::recipes
