// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/folder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <system_error>

#include "checkpoint/step_folder.h"
#include "core/error.h"
#include "core/log.h"

namespace hecaton::checkpoint::detail {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, const std::error_code& error) {
  throw IoError("cannot list " + path + ": " + error.message());
}

}  // namespace

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(path, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    fail(path, error);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> list_files_below(const std::string& path) {
  std::vector<std::string> files;
  for (const std::string& name : list_folder(path)) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(path + "/" + name, error);
    if (name.front() == '.') {
      continue;
    }
    if (fs::is_directory(status)) {
      for (const std::string& file : list_files_below(path + "/" + name)) {
        files.push_back(name + "/" + file);
      }
    } else if (fs::is_regular_file(status)) {
      files.push_back(name);
    } else {
      throw IoError(path + "/" + name + ": expected a file or a folder, found something else");
    }
  }
  return files;
}

void remove_folder(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) {
    log_warn("cannot remove " + path + ": " + error.message());
  }
}

void remove_leftovers(const std::string& run_folder) {
  for (const std::string& name : list_folder(run_folder)) {
    const size_t dot = name.find("." + std::string(kUnfinished) + "-");
    if (dot != std::string::npos && step_of_folder_name(name.substr(0, dot))) {
      remove_folder(run_folder + "/" + name);
    }
  }
}

std::string unique_name(const std::string& step_folder, const std::string& word) {
  std::random_device random;
  std::array<char, 17> digits = {};
  std::snprintf(digits.data(), digits.size(), "%08x%08x", random(), random());
  return step_folder + "." + word + "-" + digits.data();
}

}  // namespace hecaton::checkpoint::detail
