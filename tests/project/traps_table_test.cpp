// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// The table of traps in docs/numerics.md names the files in which their tests are.

#include <filesystem>
#include <map>
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

using FilesOfTrap = std::map<std::string, std::set<std::string>>;

constexpr int kNumTraps = 20;

bool is_source(const std::filesystem::path& name) {
  return name.extension() == ".cpp";
}

/// Trap number and the test files that its row links to.
FilesOfTrap files_in_table() {
  static const std::regex kRow(R"(^\| (\d\d) \|.*$)");
  static const std::regex kLink(R"(\]\(\.\./(tests/[^)]*)\))");
  FilesOfTrap files;
  for (const std::string& line :
       read_lines(std::filesystem::path(testing::source_dir()) / "docs/numerics.md")) {
    std::smatch row;
    if (!std::regex_match(line, row, kRow)) {
      continue;
    }
    std::set<std::string>& of_trap = files[row[1]];
    if (line.find("none yet: ") != std::string::npos) {
      continue;
    }
    for (std::sregex_iterator link(line.begin(), line.end(), kLink), end; link != end; ++link) {
      of_trap.insert((*link)[1]);
    }
    EXPECT_FALSE(of_trap.empty()) << line;
  }
  return files;
}

/// The same by the names of tests.
FilesOfTrap files_with_tests() {
  static const std::regex kTest(R"(^TEST\(TrapsTest, Trap(\d\d).*$)");
  FilesOfTrap files;
  for (const SourceFile& file : read_tree(testing::source_dir(), is_source)) {
    for (const std::string& line : file.lines) {
      std::smatch test;
      if (std::regex_match(line, test, kTest)) {
        files[test[1]].insert(file.path);
      }
    }
  }
  return files;
}

TEST(TrapsTableTest, NamesTheFilesOfEveryTrap) {
  const FilesOfTrap table = files_in_table();
  FilesOfTrap tests = files_with_tests();
  EXPECT_EQ(table.size(), static_cast<size_t>(kNumTraps));
  for (const auto& [trap, files] : table) {
    EXPECT_THAT(files, ::testing::ContainerEq(tests[trap])) << "trap " << trap;
  }
}

}  // namespace
}  // namespace hecaton::project
