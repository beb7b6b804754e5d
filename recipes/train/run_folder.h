// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace hecaton::recipes {

/// The folder of one run: config.yaml, run.json, metrics/, logs/, samples of the model, step-%07d/
/// with model/ inside, and `latest`, a text file that names the newest step folder.
class RunFolder {
 public:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  /// Makes the folder and its parts.
  /// Errors: ConfigError if it exists and is not empty; IoError if they cannot be made.
  void create() const;

  const std::string& path() const { return path_; }
  std::string config_path() const { return path_ + "/config.yaml"; }
  std::string record_path() const { return path_ + "/run.json"; }
  std::string metrics_path(const std::string& name) const {
    return path_ + "/metrics/" + name + ".jsonl";
  }
  std::string log_path() const { return path_ + "/logs/rank-00000.log"; }
  std::string step_path(int64_t step) const;
  /// Where a step folder is written before commit_step() gives it its name.
  std::string unfinished_step_path(int64_t step) const;

  /// Renames the unfinished folder of `step` and makes it the latest. Errors: IoError.
  void commit_step(int64_t step) const;

 private:
  std::string path_;
};

/// Where a model and, if it came from a run, its recipe are.
struct ModelLocation {
  std::string model_folder;
  std::string recipe_path;  ///< empty if there is none
};

/// path: a run folder (its latest step), a step folder, or a folder that holds config.json.
/// Errors: CheckpointError if it is none of these.
ModelLocation find_model(const std::string& path);

}  // namespace hecaton::recipes
