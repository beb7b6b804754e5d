// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// What the documents show as code is what the project compiles, reads and runs; files and tests
// that they name are there.

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipes/config/recipe_io.h"
#include "tests/project/source_tree.h"
#include "tests/testing/paths.h"
#include "tests/testing/temporary_folder.h"

namespace hecaton::project {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(const std::string& path) {
  return read_lines(std::filesystem::path(testing::source_dir()) / path);
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

// The only fenced block of a language in a document.
std::string block_of(const std::string& path, const std::string& language) {
  std::vector<Lines> blocks;
  bool is_inside = false;
  for (const std::string& line : lines_of(path)) {
    if (line == "```" + language) {
      blocks.emplace_back();
      is_inside = true;
    } else if (line == "```") {
      is_inside = false;
    } else if (is_inside) {
      blocks.back().push_back(line);
    }
  }
  EXPECT_EQ(blocks.size(), 1U) << "blocks of " << language << " in " << path;
  return blocks.empty() ? "" : joined(blocks.front());
}

// What stands between the two lines `// marker`, or `# marker`.
std::string marked_part(const std::string& path, const std::string& marker) {
  Lines part;
  int num_markers = 0;
  for (const std::string& line : lines_of(path)) {
    if (line == "// " + marker || line == "# " + marker) {
      ++num_markers;
    } else if (num_markers == 1) {
      part.push_back(line);
    }
  }
  EXPECT_EQ(num_markers, 2) << "lines " << marker << " in " << path;
  return joined(part);
}

// A fenced block of a document and the line above it.
struct Block {
  std::string above;
  std::string language;
  std::string text;
};

std::vector<Block> blocks_of(const Lines& document) {
  std::vector<Block> blocks;
  bool is_inside = false;
  for (size_t i = 0; i < document.size(); ++i) {
    const std::string& line = document[i];
    if (line.rfind("```", 0) == 0) {
      is_inside = !is_inside;
      if (is_inside) {
        blocks.push_back({i == 0 ? "" : document[i - 1], line.substr(3), ""});
      }
    } else if (is_inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

// Text in backquotes and in fenced blocks.
std::string code_of(const Lines& document) {
  static const std::regex kSpan("`([^`]+)`");
  Lines code;
  bool is_inside = false;
  for (const std::string& line : document) {
    if (line.rfind("```", 0) == 0) {
      is_inside = !is_inside;
    } else if (is_inside) {
      code.push_back(line);
    } else {
      for (std::sregex_iterator it(line.begin(), line.end(), kSpan), end; it != end; ++it) {
        code.push_back((*it)[1]);
      }
    }
  }
  return joined(code);
}

// The first group of every match.
std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    found.insert((*it)[1]);
  }
  return found;
}

std::set<std::string> commands_in(const std::string& code) {
  return matches(code, std::regex(R"(\bhecaton ([a-z][a-z-]*))"));
}

std::set<std::string> commands_of_program() {
  return matches(joined(lines_of("recipes/cli/command_table.cpp")),
                 std::regex(R"re(\.name = "([a-z-]+)")re"));
}

// Files in our folders, and scripts. Patterns are none: `moe/<name>.h`, `optim/muon.{h,cpp}`.
std::set<std::string> paths_in(const std::string& code) {
  static const std::regex kFile(
      R"((?:^|[^\w/.-]|hecaton/)((?:checkpoint|cmake|configs|core|docs|examples|kernels|models|moe)"
      R"(|optim|parallel|recipes|scripts|tests)/[\w./-]*\.\w+))");
  static const std::regex kScript(R"(\b(scripts/[a-z.-]+))");
  std::set<std::string> paths = matches(code, kFile);
  paths.merge(matches(code, kScript));
  return paths;
}

// `Suite.Case` of every test.
std::set<std::string> names_of_tests() {
  static const std::regex kTest(R"(^TEST(?:_F|_P)?\((\w+), (\w+)\).*$)");
  const auto is_test = [](const std::filesystem::path& name) {
    const std::string text = name.string();
    return text.size() > 9 && text.compare(text.size() - 9, 9, "_test.cpp") == 0;
  };
  std::set<std::string> names;
  for (const SourceFile& file : read_tree(testing::source_dir(), is_test)) {
    for (const std::string& line : file.lines) {
      std::smatch match;
      if (std::regex_match(line, match, kTest)) {
        names.insert(match[1].str() + "." + match[2].str());
      }
    }
  }
  return names;
}

bool is_document(const std::filesystem::path& name) {
  return name.extension() == ".md";
}

TEST(DocSnippetsTest, CodeForTheLibraryIsCutFromExamples) {
  const std::regex origin(R"(<!-- (examples/\S+) (\[[a-z]+\]) -->)");
  for (const char* document : {"README.md", "docs/library.md"}) {
    int num_cut = 0;
    for (const Block& block : blocks_of(lines_of(document))) {
      std::smatch match;
      if (std::regex_match(block.above, match, origin)) {
        EXPECT_EQ(block.text, marked_part(match[1], match[2])) << document;
        ++num_cut;
      } else {
        EXPECT_NE(block.language, "cpp") << document << " has code from nowhere:\n" << block.text;
      }
    }
    EXPECT_GT(num_cut, 0) << document;
  }
}

TEST(DocSnippetsTest, EveryRecipeIsValid) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "recipe.yaml";
  for (const char* document : {"README.md", "docs/data.md"}) {
    testing::write_bytes(path, block_of(document, "yaml"));
    EXPECT_NO_THROW(recipes::load_recipe(path)) << document;
  }
}

TEST(DocSnippetsTest, EveryCommandInADocumentExists) {
  const std::set<std::string> known = commands_of_program();
  EXPECT_EQ(known.count("train"), 1U) << "the scan of recipes/cli/command_table.cpp missed train";
  for (const SourceFile& file : read_tree(testing::source_dir(), is_document)) {
    EXPECT_THAT(commands_in(code_of(file.lines)), ::testing::IsSubsetOf(known)) << file.path;
  }
}

TEST(DocSnippetsTest, TheReadmeNamesEveryCommand) {
  EXPECT_THAT(commands_of_program(),
              ::testing::IsSubsetOf(commands_in(code_of(lines_of("README.md")))));
}

TEST(DocSnippetsTest, EveryPathInADocumentExists) {
  const std::filesystem::path root = testing::source_dir();
  for (const SourceFile& file : read_tree(root, is_document)) {
    for (const std::string& path : paths_in(code_of(file.lines))) {
      EXPECT_TRUE(std::filesystem::exists(root / path)) << file.path << " names " << path;
    }
  }
}

TEST(DocSnippetsTest, EveryTestInADocumentExists) {
  const std::regex test(R"(\b(\w+Test\.[A-Z]\w*))");
  const std::set<std::string> known = names_of_tests();
  EXPECT_EQ(known.count("DocSnippetsTest.EveryTestInADocumentExists"), 1U);
  size_t num_named = 0;
  for (const SourceFile& file : read_tree(testing::source_dir(), is_document)) {
    for (const std::string& name : matches(code_of(file.lines), test)) {
      EXPECT_EQ(known.count(name), 1U) << file.path << " names " << name;
      ++num_named;
    }
  }
  EXPECT_GT(num_named, 30U) << "docs/papers.md names more";
}

TEST(DocSnippetsTest, ReadsCommandsFromCodeAlone) {
  const Lines document = {"Of hecaton train and `hecaton eval runs/a`:",
                          "```sh",
                          "build/release/bin/hecaton print-config a.yaml",
                          "```",
                          "hecaton bench"};
  EXPECT_EQ(commands_in(code_of(document)), (std::set<std::string>{"eval", "print-config"}));
}

TEST(DocSnippetsTest, ReadsPathsOfOurFoldersAlone) {
  EXPECT_EQ(paths_in("moe/router.h <hecaton/core/rng.h> scripts/test; mine/moe/a.h runs/x.txt "
                     "kernels/<op>.h optim/schedule.{h,cpp} kernels/*.h docs/data.md\n"),
            (std::set<std::string>{"core/rng.h", "docs/data.md", "moe/router.h", "scripts/test"}));
}

}  // namespace
}  // namespace hecaton::project
