// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/run_folder.h"

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "checkpoint/file_io.h"
#include "core/error.h"
#include "recipes/data/text_files.h"

namespace hecaton::recipes {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string step_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof(name), "step-%07lld", static_cast<long long>(step));
  return name;
}

ModelLocation in_step_folder(const std::string& path) {
  const std::string recipe = path + "/config.yaml";
  return {path + "/model", is_file(recipe) ? recipe : ""};
}

}  // namespace

void RunFolder::create() const {
  std::error_code error;
  if (fs::exists(path_, error) && !(fs::is_directory(path_, error) && fs::is_empty(path_, error))) {
    throw ConfigError("output_dir = " + path_ + ": is not empty; name another or remove it");
  }
  checkpoint::create_folders(path_ + "/metrics");
  checkpoint::create_folders(path_ + "/logs");
}

std::string RunFolder::step_path(int64_t step) const {
  return path_ + "/" + step_name(step);
}

std::string RunFolder::unfinished_step_path(int64_t step) const {
  return step_path(step) + ".tmp";
}

void RunFolder::commit_step(int64_t step) const {
  checkpoint::sync_folder(unfinished_step_path(step));
  checkpoint::rename_durably(unfinished_step_path(step), step_path(step));
  checkpoint::write_file(path_ + "/latest", step_name(step) + "\n");
}

ModelLocation find_model(const std::string& path) {
  if (is_file(path + "/config.json")) {
    return {path, ""};
  }
  if (is_file(path + "/model/config.json")) {
    return in_step_folder(path);
  }
  if (is_file(path + "/latest")) {
    std::string name;
    std::istringstream(read_text_file(path + "/latest")) >> name;
    if (name.rfind("step-", 0) != 0 || name.find('/') != std::string::npos ||
        !is_file(path + "/" + name + "/model/config.json")) {
      throw CheckpointError(path + "/latest: names no step folder with a model: " + name);
    }
    return in_step_folder(path + "/" + name);
  }
  throw CheckpointError("model not found: " + path +
                        " is neither a run folder, a step folder nor a model folder");
}

}  // namespace hecaton::recipes
