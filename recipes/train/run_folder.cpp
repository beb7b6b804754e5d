// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "recipes/train/run_folder.h"

#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <unistd.h>

#include "checkpoint/file_io.h"
#include "checkpoint/step_folder.h"
#include "core/error.h"
#include "recipes/config/fault_list.h"
#include "recipes/model/model_text.h"

namespace hecaton::recipes {
namespace {

namespace fs = std::filesystem;

bool is_file(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// Throws IoError unless the folder, or the nearest one above it that is there, can be written to.
void check_place(const std::string& path) {
  std::error_code error;
  fs::path nearest = fs::absolute(path, error);
  while (!fs::exists(nearest, error) && nearest.has_relative_path()) {
    nearest = nearest.parent_path();
  }
  if (!fs::is_directory(nearest, error)) {
    throw IoError("cannot create folder " + path + ": " + nearest.string() + " is no folder");
  }
  if (access(nearest.c_str(), W_OK | X_OK) != 0) {
    throw IoError("cannot create folder " + path + ": " + nearest.string() +
                  " cannot be written to");
  }
}

ModelLocation in_step_folder(const std::string& path) {
  const std::string recipe = path + "/config.yaml";
  return {path + "/model", is_file(recipe) ? recipe : ""};
}

}  // namespace

bool RunFolder::open(bool may_exist) const {
  check(may_exist);
  const bool is_run = is_file(record_path());
  checkpoint::create_folders(path_ + "/metrics");
  checkpoint::create_folders(path_ + "/logs");
  return is_run;
}

std::string RunFolder::collectives_path(int rank) const {
  char name[64];
  std::snprintf(name, sizeof(name), "/logs/collectives-rank-%05d.txt", rank);
  return path_ + name;
}

void RunFolder::check(bool may_exist) const {
  std::error_code error;
  const bool is_there = fs::exists(path_, error);
  if (is_there && !fs::is_directory(path_, error)) {
    throw IoError("output_dir = " + path_ + ": is not a folder");
  }
  const bool is_empty = !is_there || fs::is_empty(path_, error);
  const bool is_run = is_file(record_path());
  if (!is_empty && !is_run) {
    throw ConfigError("output_dir = " + path_ + ": is not empty and holds no run; name another");
  }
  if (is_run && !may_exist) {
    throw ConfigError("output_dir = " + path_ +
                      ": holds a run; go on with checkpoint.resume=auto or name another folder");
  }
  check_place(path_);
}

std::string RunFolder::step_path(int64_t step) const {
  return path_ + "/" + checkpoint::step_folder_name(step);
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
    std::istringstream(read_model_text(path + "/latest")) >> name;
    if (name.rfind("step-", 0) != 0 || name.find('/') != std::string::npos ||
        !is_file(path + "/" + name + "/model/config.json")) {
      throw CheckpointError(path + "/latest: names no step folder with a model: " + one_line(name));
    }
    return in_step_folder(path + "/" + name);
  }
  if (is_file(RunFolder(path).record_path())) {
    throw CheckpointError("the run in " + path + " saved no model");
  }
  throw CheckpointError("model not found: " + path +
                        " is neither a run folder, a step folder nor a model folder");
}

}  // namespace hecaton::recipes
