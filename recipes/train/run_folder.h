// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace hecaton::recipes {

/// The folder of one run: config.yaml, run.json, metrics/, logs/, checkpoints step-%07d/ with
/// model/ inside, and `latest`, a text file that names the newest of them.
class RunFolder {
 public:
  explicit RunFolder(std::string path) : path_(std::move(path)) {}

  /// Makes the folder and its parts, or finds them.
  /// may_exist:   false: the folder must be absent or empty.
  /// Returns:     whether a run was there.
  /// Errors:      ConfigError if it holds a run although may_exist is false, or something else than
  ///              a run; IoError if it is no folder or cannot be made.
  bool open(bool may_exist) const;
  /// Throws what open() would, and makes nothing.
  void check(bool may_exist) const;

  const std::string& path() const { return path_; }
  std::string config_path() const { return path_ + "/config.yaml"; }
  std::string record_path() const { return path_ + "/run.json"; }
  std::string metrics_path(const std::string& name) const {
    return path_ + "/metrics/" + name + ".jsonl";
  }
  std::string log_path() const { return path_ + "/logs/rank-00000.log"; }
  /// Where a rank writes its last collectives when a run fails.
  std::string collectives_path(int rank) const;
  std::string step_path(int64_t step) const;

 private:
  std::string path_;
};

/// Where a model and, if it came from a run, its recipe are.
struct ModelLocation {
  std::string model_folder;
  std::string recipe_path;  ///< empty if there is none
};

/// path: a run folder (its latest step), a step folder, or a folder that holds config.json.
/// Errors: CheckpointError if it is none of these, or a run that saved no model.
ModelLocation find_model(const std::string& path);

}  // namespace hecaton::recipes
