// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/json_lines.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "tests/testing/expect_error.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::recipes {
namespace {

using hecaton::testing::expect_error;
using hecaton::testing::TemporaryFolder;
using hecaton::testing::write_bytes;

class JsonLinesTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "a.jsonl"; }

  /// "LINE=TEXT" of each object's key x.
  std::vector<std::string> read(const std::string& content) const {
    write_bytes(path(), content);
    std::vector<std::string> texts;
    read_json_lines(path(), [&](const nlohmann::json& object, const std::string& place) {
      texts.push_back(place.substr(path().size() + 1) + "=" + json_text(object, "x", place));
    });
    return texts;
  }

  void expect_refused(const std::string& content, const std::string& text) const {
    expect_error<DataError>([&] { read(content); }, path() + ":" + text);
  }

  TemporaryFolder folder_;
};

TEST_F(JsonLinesTest, ReadsOneObjectALine) {
  EXPECT_EQ(read("{\"x\":\"a\\n\"}\n\n \t\r\n{\"x\": \"\\u00e9\", \"y\": [1]}\r\n{\"x\":\"c\"}"),
            (std::vector<std::string>{"1=a\n", "4=\xC3\xA9", "5=c"}));
  EXPECT_TRUE(read("").empty());
}

TEST_F(JsonLinesTest, RefusesWhatIsNoObject) {
  expect_refused("{\"x\":\"a\"}\n{\"x\": 1,}\n", "2: malformed JSON: fault at byte 9");
  expect_refused("[1]\n", "1: expected a JSON object, found array");
  expect_refused("{\"x\":\"a\"} {}", "1: malformed JSON: fault at byte 11");
  expect_refused("{\"x\":\"\xff\"}", "1: malformed JSON: fault at byte 7");
  expect_refused("{\"x\":\"\\ud800\"}", "1: malformed JSON: fault at byte");
  expect_refused("{\"x\":1e400}", "1: malformed JSON: ");
  expect_refused("{\"x\":\"a\"", "1: malformed JSON: fault at byte");
}

TEST_F(JsonLinesTest, RefusesWhatAParserLetsPass) {
  expect_refused("{\"x\":\"a\",\"x\":\"b\"}", "1: expected each key once, found \"x\" twice");
  expect_refused("{\"x\":\"a\",\"y\":{\"z\":1,\"z\":1}}", "1: expected each key once");
  EXPECT_EQ(read("{\"x\":\"a\",\"y\":{\"x\":1}}").size(), 1U);
  // The object and 31 lists within it.
  const std::string lists = std::string(31, '[') + std::string(31, ']');
  EXPECT_EQ(read("{\"x\":\"a\",\"y\":" + lists + "}").size(), 1U);
  expect_refused("{\"x\":\"a\",\"y\":[" + lists + "]}", "1: expected nesting of at most 32");
  expect_refused("{\"x\":" + std::string(1'000'000, '['),
                 "1: expected nesting of at most 32, found more");
  expect_refused("{\"x\":\"" + std::string(17 << 20, 'a') + "\"}",
                 "1: expected a line of at most 16 MiB, found 17825800 bytes");
}

TEST_F(JsonLinesTest, RefusesWhatIsNoText) {
  expect_refused("{\"y\":\"a\"}", "1: x: expected text, found no such key");
  expect_refused("{\"x\":null}", "1: x: expected text, found null");
  expect_refused("{\"x\":[\"a\"]}", "1: x: expected text, found array");
}

TEST_F(JsonLinesTest, RefusesAMissingFile) {
  expect_error<DataError>(
      [&] { read_json_lines(folder_ / "gone", [](const auto&, const auto&) {}); },
      "data not found: " + (folder_ / "gone"));
}

}  // namespace
}  // namespace hecaton::recipes
