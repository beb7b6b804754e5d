// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/data/text_files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/rng.h"

namespace hecaton::recipes {
namespace {

namespace fs = std::filesystem;

bool has_extension(const std::string& name, const std::vector<std::string>& extensions) {
  return extensions.empty() ||
         std::any_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
           return name.ends_with(extension);
         });
}

std::vector<TextFile> files_below(const fs::path& folder,
                                  const std::vector<std::string>& extensions) {
  std::vector<TextFile> files;
  for (fs::recursive_directory_iterator entry(folder), end; entry != end; ++entry) {
    if (entry->path().filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && has_extension(entry->path().string(), extensions)) {
      files.push_back(
          {entry->path().string(), entry->path().lexically_relative(folder).generic_string()});
    }
  }
  std::sort(files.begin(), files.end(), [](const TextFile& a, const TextFile& b) {
    return a.name < b.name;
  });
  return files;
}

std::vector<TextFile> files_of(const DataSourceRecipe& source) {
  const fs::path path(source.path);
  if (!fs::exists(path)) {
    throw DataError("data not found: " + source.path);
  }
  if (fs::is_regular_file(path)) {
    return {{source.path, path.filename().string()}};
  }
  if (!fs::is_directory(path)) {
    throw DataError(source.path + ": expected a file or a folder, found something else");
  }
  std::vector<TextFile> files = files_below(path, source.extensions);
  if (files.empty()) {
    std::string expected = "a file";
    for (const std::string& extension : source.extensions) {
      expected += (&extension == source.extensions.data() ? " ending in " : " or ") + extension;
    }
    throw DataError(source.path + ": expected " + expected + " in the folder, found none");
  }
  return files;
}

/// The number in [0, 1) that decides the side of a document.
double draw_of(const TextFile& file, uint64_t seed) {
  return CounterRng(seed, "dataset.validation." + file.name).uniform(0);
}

}  // namespace

std::vector<TextFile> collect_text_files(const std::vector<DataSourceRecipe>& sources) {
  std::vector<TextFile> files;
  std::set<fs::path> known;
  try {
    for (const DataSourceRecipe& source : sources) {
      for (TextFile& file : files_of(source)) {
        if (known.insert(fs::canonical(file.path)).second) {
          files.push_back(std::move(file));
        }
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw DataError(error.path1().string() + ": cannot be listed: " + error.code().message());
  }
  return files;
}

std::string read_text_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) {
    text << file.rdbuf();
  }
  if (!file.is_open() || file.bad() || text.fail()) {
    throw DataError(path + ": cannot be read: " + std::generic_category().message(errno));
  }
  return std::move(text).str();
}

DocumentSplit split_documents(const std::vector<TextFile>& files, double fraction, uint64_t seed) {
  if (fraction <= 0.0) {
    return {files, {}};
  }
  if (files.size() < 2) {
    throw DataError(
        "dataset.validation_fraction: expected at least 2 files to hold one out, found " +
        std::to_string(files.size()));
  }
  std::vector<double> draws(files.size());
  std::transform(files.begin(), files.end(), draws.begin(), [&](const TextFile& file) {
    return draw_of(file, seed);
  });
  const auto [lowest, highest] = std::minmax_element(draws.begin(), draws.end());
  DocumentSplit split;
  for (size_t i = 0; i < files.size(); ++i) {
    // The lowest draw is always held out and the highest never, so that no side is empty.
    const bool is_lowest = i == static_cast<size_t>(lowest - draws.begin());
    const bool is_highest = i == static_cast<size_t>(highest - draws.begin());
    const bool is_held_out = is_lowest || (draws[i] < fraction && !is_highest);
    (is_held_out ? split.validation : split.train).push_back(files[i]);
  }
  return split;
}

}  // namespace hecaton::recipes
