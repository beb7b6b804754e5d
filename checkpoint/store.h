// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/pending_save.h"
#include "parallel/communicator.h"

namespace hecaton::checkpoint {

/// The checkpoints of one run: the folders step-%07d in its run folder.
///
/// Parallel: every rank must make it and call every method; all but remove_old() wait for all
///           ranks. world: a group on CPU tensors (the `host` of an `nccl` one).
/// Errors:   if a method fails on any rank it throws on every rank.
class Store {
 public:
  Store(std::string run_folder, std::shared_ptr<parallel::Communicator> world);

  /// Opens the complete checkpoint of the highest step; empty if there is none at all.
  /// Errors: CheckpointError if it is damaged, naming the one before it. An older one is not taken
  ///         for it: a run should not repeat days of work without being asked.
  std::optional<Checkpoint> open_newest() const;

  /// Removes the oldest checkpoints until `max_kept` are left. Never removed are the newest, one
  /// that is being written, and the steps of `protected_steps` (the best one, say), which count.
  /// What cannot be removed stays, with a warning.
  /// max_kept: at least 1; 0 keeps all.
  void remove_old(int64_t max_kept, const std::vector<int64_t>& protected_steps = {}) const;

  /// Renames every checkpoint after `step` to step-%07d.aside-*, where nothing of Hecaton looks for
  /// it, and makes `step` the latest. Call it when a run goes on from `step` although there are
  /// newer ones, damaged or not: otherwise the next resume would find those. If there is no
  /// checkpoint of `step` here, `latest` stays as it is. Errors: IoError.
  void set_aside_after(int64_t step) const;

 private:
  std::string path_of(int64_t step) const;
  std::vector<int64_t> steps_newest_first() const;

  std::string run_folder_;
  std::shared_ptr<parallel::Communicator> world_;
};

}  // namespace hecaton::checkpoint
