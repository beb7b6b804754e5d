// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/config/yaml_document.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "recipes/config/fault_list.h"
#include "recipes/config/yaml_node.h"

namespace hecaton::recipes {
namespace {

const Origin kFile{"r.yaml", 1, 1};

YamlNode parse_without_faults(const std::string& text) {
  FaultList faults;
  YamlNode root = parse_yaml(text, kFile, "", faults);
  faults.throw_if_any();
  return root;
}

/// The text of the error that lists the faults of `text`.
std::string faults_of(const std::string& text, const Origin& origin = kFile) {
  FaultList faults;
  try {
    parse_yaml(text, origin, origin.line == 0 ? "a.b" : "", faults);
    faults.throw_if_any();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string nested_lists(size_t depth) {
  return "a: " + std::string(depth - 1, '[') + std::string(depth - 1, ']');
}

TEST(YamlDocumentTest, KeepsThePlaceOfEachKeyAndValue) {
  const YamlNode root = parse_without_faults("a: 1\nb:\n  - c: \"x\"\n    d:   [2, ~]\n");
  const YamlNode* c = find_path(root, "b.0.c");
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->text, "x");
  EXPECT_TRUE(c->is_quoted);
  EXPECT_EQ(c->key_origin.line, 3);
  EXPECT_EQ(c->key_origin.column, 5);
  const YamlNode* two = find_path(root, "b.0.d.0");
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->text, "2");
  EXPECT_FALSE(two->is_quoted);
  EXPECT_EQ(two->origin.line, 4);
  EXPECT_EQ(two->origin.column, 11);
  EXPECT_EQ(find_path(root, "b.0.d.1")->kind, YamlNode::Kind::kNull);
  EXPECT_EQ(find_path(root, "b.1"), nullptr);
  EXPECT_EQ(find_path(root, "a.x"), nullptr);
}

TEST(YamlDocumentTest, PlacesAMissingValueAtItsKey) {
  const YamlNode root = parse_without_faults("a:\n\nb: ~\n");
  EXPECT_EQ(find_path(root, "a")->origin.line, 1);
  EXPECT_EQ(find_path(root, "a")->origin.column, 1);
  EXPECT_EQ(find_path(root, "b")->origin.column, 4);
}

TEST(YamlDocumentTest, CountsLinesAfterAByteOrderMarkAndWithCarriageReturns) {
  const YamlNode root = parse_without_faults(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  EXPECT_EQ(find_path(root, "a")->key_origin.column, 1);
  EXPECT_EQ(find_path(root, "b")->origin.line, 2);
  EXPECT_EQ(find_path(root, "b")->text, "2");
}

TEST(YamlDocumentTest, ReturnsNullForATextWithoutAValue) {
  for (const char* text : {"", "\n\n", "# comment\n", "---\n", "~"}) {
    EXPECT_EQ(parse_without_faults(text).kind, YamlNode::Kind::kNull) << text;
  }
}

TEST(YamlDocumentTest, RefusesDuplicateKeys) {
  EXPECT_EQ(faults_of("a:\n  b: 1\n  c: 2\n  \"b\": 3\n"),
            "r.yaml:4:3: a.b: duplicate key, first given in line 2");
}

TEST(YamlDocumentTest, KeepsTheFirstOfTwoDuplicates) {
  FaultList faults;
  const YamlNode root = parse_yaml("a: 1\na: {b: 2}\nc: 3\n", kFile, "", faults);
  EXPECT_EQ(find_path(root, "a")->text, "1");
  EXPECT_EQ(root.children.size(), 2U);
}

TEST(YamlDocumentTest, RefusesAnchorsAliasesAndMergeKeys) {
  EXPECT_EQ(faults_of("a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n"),
            "r.yaml:1:4: a: anchors (&name) are not allowed\n"
            "r.yaml:2:4: c: aliases (*name) are not allowed: write the value out\n"
            "r.yaml:4:3: d.<<: merge keys are not allowed\n"
            "r.yaml:4:7: d.<<: aliases (*name) are not allowed: write the value out");
}

TEST(YamlDocumentTest, RefusesTags) {
  EXPECT_EQ(faults_of("a: !!int 3\nb: ! x\nc: !t [1]\nd: !t {e: 1}\nf: \"!\"\n"),
            "r.yaml:1:4: a: tags (!name) are not allowed\n"
            "r.yaml:2:4: b: tags (!name) are not allowed\n"
            "r.yaml:3:4: c: tags (!name) are not allowed\n"
            "r.yaml:4:4: d: tags (!name) are not allowed");
}

TEST(YamlDocumentTest, RefusesKeysThatAreNotScalars) {
  EXPECT_EQ(faults_of("a:\n  [1]: 2\n  ~: 3\n"),
            "r.yaml:2:3: a: a key must be a word, found a list of 1 entry\n"
            "r.yaml:3:3: a: a key must be a word, found null");
}

TEST(YamlDocumentTest, RefusesNestingDeeperThanItsLimit) {
  EXPECT_EQ(faults_of(nested_lists(kMaxYamlDepth)), "");
  EXPECT_EQ(faults_of(nested_lists(kMaxYamlDepth + 1)),
            "r.yaml:1:67: nesting is deeper than 64 levels");
}

TEST(YamlDocumentTest, SurvivesNestingThatWouldOverflowAStack) {
  EXPECT_NE(faults_of(std::string(200000, '[')).find("nesting is deeper than 64 levels"),
            std::string::npos);
}

TEST(YamlDocumentTest, RefusesMoreValuesThanItsLimit) {
  const auto nulls = [](size_t count) { return "[" + std::string(count - 1, ',') + "~]"; };
  EXPECT_EQ(faults_of(nulls(kMaxYamlValues - 1)), "");  // the list is a value, too
  EXPECT_EQ(faults_of(nulls(kMaxYamlValues)), "r.yaml:1:50001: more than 50000 values");
}

TEST(YamlDocumentTest, PrintsNoControlCharacterOfTheText) {
  EXPECT_EQ(faults_of("a: \"\\\r\"\n"), "r.yaml:1:7: YAML syntax: unknown escape character: \\x0d");
}

TEST(YamlDocumentTest, StopsAfterAHundredFaults) {
  std::string text;
  for (size_t i = 0; i < kMaxFaults; ++i) {
    text += "a: 1\n";
  }
  const std::string faults = faults_of(text);
  EXPECT_EQ(std::count(faults.begin(), faults.end(), '\n'), 98) << faults;
  const std::string last = "\nr.yaml:101:1: a: duplicate key, first given in line 1";
  EXPECT_TRUE(faults_of(text + "a: 1\n").ends_with(last));
  EXPECT_TRUE(faults_of(text + "a: 1\na: 1\n")
                  .ends_with(last + "\nr.yaml:102:1: more faults than these 100"));
}

TEST(YamlDocumentTest, RefusesASecondDocument) {
  EXPECT_EQ(faults_of("a: 1\n---\nb: 2\n"),
            "r.yaml:2:1: a second document begins: only one is allowed");
}

TEST(YamlDocumentTest, RefusesControlCharacters) {
  // 0x04 is what yaml-cpp takes for the end of the text: the rest would be lost in silence.
  EXPECT_EQ(faults_of("a: 1\nb: \x04\nc: 2\n"), "r.yaml:2:4: control characters are not allowed");
  EXPECT_EQ(faults_of(std::string("a: \0", 4)), "r.yaml:1:4: control characters are not allowed");
}

TEST(YamlDocumentTest, PlacesSyntaxErrors) {
  EXPECT_EQ(faults_of("a: [1\n"), "r.yaml:2:1: YAML syntax: end of sequence flow not found");
  EXPECT_EQ(faults_of("a: b: c\n"), "r.yaml:1:5: YAML syntax: illegal map value");
  EXPECT_EQ(faults_of("a: *nowhere\n"),
            "r.yaml:1:4: YAML syntax: the referenced anchor is not defined");
  EXPECT_EQ(faults_of("a: @x\n"), "r.yaml:1:4: YAML syntax: unknown token");
}

TEST(YamlDocumentTest, RefusesKeysThatAreTooLong) {
  const std::string key(kMaxYamlKeyBytes, 'k');
  EXPECT_EQ(faults_of("a: {" + key + ": 1}\n"), "");
  EXPECT_EQ(faults_of("a: {" + key + "k: 1}\n"),
            "r.yaml:1:5: a: a key must have at most 250 bytes, found 251");
}

TEST(YamlDocumentTest, PlacesFaultsOfAnOverrideAtTheOverride) {
  EXPECT_EQ(faults_of("{c: !t 1}", override_origin("a.b={c: !t 1}", 1)),
            "override 'a.b={c: !t 1}': a.b.c: tags (!name) are not allowed");
}

TEST(YamlDocumentTest, PrintsBlocksThatReadBack) {
  const std::string text =
      "a:\n"
      "  b: 1\n"
      "  c:\n"
      "    - d: \"x y\"\n"
      "      e: null\n"
      "    - d: z\n"
      "f: [1, 2]\n"
      "g: []\n";
  EXPECT_EQ(print_yaml(parse_without_faults(text), /*with_origins=*/false), text);
}

TEST(YamlDocumentTest, PrintsOddKeysAndMixedListsSoThatTheyReadBack) {
  const std::string text =
      "a:\n- b, c\n- {d: [1]}\n- []\n\"e: f\": two words\n\"null\": [{g: 1}, 2]\nh: [{}]\n";
  const std::string printed =
      "a: [\"b, c\", {d: [1]}, []]\n"
      "\"e: f\": \"two words\"\n"
      "\"null\": [{g: 1}, 2]\n"
      "h: [{}]\n";
  EXPECT_EQ(print_yaml(parse_without_faults(text), /*with_origins=*/false), printed);
  EXPECT_EQ(print_yaml(parse_without_faults(printed), /*with_origins=*/false), printed);
}

TEST(YamlDocumentTest, PrintsTheOriginBehindEachValue) {
  EXPECT_EQ(print_yaml(parse_without_faults("a:\n  - b: 1\nc: [1,\n 2]\n"), /*with_origins=*/true),
            "a:\n"
            "  - b: 1  # r.yaml:2\n"
            "c: [1, 2]  # r.yaml:3\n");
}

TEST(YamlDocumentTest, DescribesValuesInOneLine) {
  EXPECT_EQ(describe(YamlNode::plain("12")), "12");
  EXPECT_EQ(describe(YamlNode::quoted("a\nb")), "\"a\\x0ab\"");
  EXPECT_EQ(describe(YamlNode::plain(std::string(200, 'x'))), std::string(120, 'x') + "...");
  EXPECT_EQ(describe(YamlNode::null()), "null");
  EXPECT_EQ(describe(YamlNode::sequence({})), "an empty list");
  EXPECT_EQ(describe(YamlNode::sequence({{}, {}})), "a list of 2 entries");
  EXPECT_EQ(describe(YamlNode::map()), "a section");
}

}  // namespace
}  // namespace hecaton::recipes
