// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/project/source_tree.h"

#include <algorithm>
#include <fstream>
#include <set>

namespace hecaton::project {
namespace {

// Our .gitignore holds folders at the root, one a line: "build/".
std::set<std::string> ignored_folders(const std::filesystem::path& root) {
  std::set<std::string> names = {".git"};
  for (const std::string& line : read_lines(root / ".gitignore")) {
    names.insert(line.substr(0, line.find('/')));
  }
  return names;
}

}  // namespace

std::vector<std::string> read_lines(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::vector<SourceFile> read_tree(const std::filesystem::path& root,
                                  bool (*is_wanted)(const std::filesystem::path& name)) {
  const std::set<std::string> ignored = ignored_folders(root);
  std::vector<SourceFile> files;
  for (std::filesystem::recursive_directory_iterator it(root), end; it != end; ++it) {
    const std::filesystem::path relative = it->path().lexically_relative(root);
    if (it.depth() == 0 && ignored.count(relative.string()) > 0) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file() && is_wanted(relative.filename())) {
      files.push_back({relative.generic_string(), read_lines(it->path())});
    }
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) {
    return a.path < b.path;
  });
  return files;
}

}  // namespace hecaton::project
