// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/project/source_tree.h"
#include "tests/testing/paths.h"

namespace hecaton::project {
namespace {

namespace fs = std::filesystem;

// Sources, CMake files and scripts; scripts have no extension.
bool is_licensed(const fs::path& name) {
  static const std::set<std::string> kExtensions = {
      ".h", ".cpp", ".cu", ".cuh", ".in", ".cmake", ".sh", ".py"};
  static const std::set<std::string> kPlainNames = {"LICENSE", ".gitignore", ".clang-format"};
  const bool is_script = !name.has_extension() && name.string()[0] != '.';
  return name == "CMakeLists.txt" || kExtensions.count(name.extension()) > 0 ||
         (is_script && kPlainNames.count(name) == 0);
}

// The first lines of a file say under which licence it is, after what makes a script run.
bool has_license_line(const SourceFile& file) {
  const std::regex not_yet("#!.*|# shellcheck .*");
  const std::regex license("(//|#) SPDX-License-Identifier: Apache-2\\.0");
  for (const std::string& line : file.lines) {
    if (!std::regex_match(line, not_yet)) {
      return std::regex_match(line, license);
    }
  }
  return false;
}

TEST(SourceTextTest, EverySourceNamesItsLicenceFirst) {
  const std::vector<SourceFile> files = read_tree(testing::source_dir(), is_licensed);
  std::set<std::string> paths;
  for (const SourceFile& file : files) {
    paths.insert(file.path);
    EXPECT_TRUE(has_license_line(file)) << file.path << " has no SPDX line on top";
  }
  for (const char* expected : {"core/check.h", "CMakeLists.txt", "scripts/setup", ".ci/run"}) {
    EXPECT_EQ(paths.count(expected), 1U) << "the scan missed " << expected;
  }
}

TEST(SourceTextTest, MissesNoFileWithoutLicenceLine) {
  EXPECT_TRUE(has_license_line({"a", {"#!/bin/sh", "# SPDX-License-Identifier: Apache-2.0"}}));
  EXPECT_TRUE(has_license_line({"a.h", {"// SPDX-License-Identifier: Apache-2.0"}}));
  EXPECT_FALSE(
      has_license_line({"a.h", {"#pragma once", "// SPDX-License-Identifier: Apache-2.0"}}));
  EXPECT_FALSE(has_license_line({"a.h", {"// SPDX-License-Identifier: MIT"}}));
  EXPECT_FALSE(has_license_line({"a.h", {}}));
}

bool is_cpp(const fs::path& path) {
  static const std::set<std::string> kExtensions = {".h", ".cpp", ".cu", ".cuh"};
  return kExtensions.count(path.extension()) > 0;
}

// Paths that begin with "../", of C++ in comments alone, and the targets of Markdown links.
std::vector<std::string> relative_paths(const SourceFile& file) {
  static const std::regex kUpward(R"((?:^|[\s"'`(<])((?:\.\./)+[\w.][\w./-]*))");
  static const std::regex kLink(R"(\]\(([^)#:]+)[^):]*\))");
  std::vector<const std::regex*> patterns = {&kUpward};
  if (fs::path(file.path).extension() == ".md") {
    patterns.push_back(&kLink);
  }
  std::vector<std::string> found;
  for (const std::string& line : file.lines) {
    const size_t comment = is_cpp(file.path) ? line.find("//") : 0;
    const std::string text = comment == std::string::npos ? "" : line.substr(comment);
    for (const std::regex* pattern : patterns) {
      for (std::sregex_iterator it(text.begin(), text.end(), *pattern), end; it != end; ++it) {
        found.push_back((*it)[1]);
      }
    }
  }
  return found;
}

// Those relative paths of `file` that lead out of the project or to nothing.
std::vector<std::string> lost_paths(const fs::path& root, const SourceFile& file) {
  std::vector<std::string> lost;
  for (const std::string& path : relative_paths(file)) {
    const fs::path target = (fs::path(file.path).parent_path() / path).lexically_normal();
    if (*target.begin() == ".." || !fs::exists(root / target)) {
      lost.push_back(path);
    }
  }
  return lost;
}

bool is_document_or_source(const fs::path& name) {
  return name.extension() == ".md" || name.extension() == ".yaml" || is_licensed(name);
}

TEST(SourceTextTest, RefersToNothingOutsideTheProject) {
  for (const SourceFile& file : read_tree(testing::source_dir(), is_document_or_source)) {
    EXPECT_THAT(lost_paths(testing::source_dir(), file), ::testing::IsEmpty())
        << "in " << file.path;
  }
}

TEST(SourceTextTest, FindsPathsThatLeadOutOrToNothing) {
  const fs::path root = fs::path(::testing::TempDir()) / "hecaton_source_text";
  fs::remove_all(root);
  fs::create_directories(root / "docs");
  fs::create_directories(root / "build");
  std::ofstream(root / ".gitignore") << "build/\n";
  std::ofstream(root / "build" / "ignored.md") << "[gone](gone.md)\n";
  std::ofstream(root / "README.md") << "[guide](docs/guide.md) and `../elsewhere/plan.md`\n";
  std::ofstream(root / "docs" / "code.cpp") << "open(\"../any\");  /"
                                               "/ see ../gone.h\n";
  std::ofstream(root / "docs" / "guide.md")
      << "[up](../README.md) [web](https://example.org) [gone](gone.md#part)\n";
  const std::vector<SourceFile> files = read_tree(root, is_document_or_source);
  std::vector<std::string> lost;
  for (const SourceFile& file : files) {
    for (const std::string& path : lost_paths(root, file)) {
      lost.push_back(file.path + " " + path);
    }
  }
  fs::remove_all(root);
  EXPECT_THAT(
      lost,
      ::testing::ElementsAre(
          "README.md ../elsewhere/plan.md", "docs/code.cpp ../gone.h", "docs/guide.md gone.md"));
}

}  // namespace
}  // namespace hecaton::project
