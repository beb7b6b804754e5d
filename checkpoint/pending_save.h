// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/tensor_piece.h"
#include "parallel/communicator.h"

namespace hecaton::checkpoint {

/// A checkpoint that is being written. It is invisible until commit() gives its folder the name
/// step-%07d; without commit() the destructor removes it. A process that is killed at any moment,
/// or a machine that loses power, leaves the older checkpoints as they were and either all of this
/// one or nothing.
///
///     PendingSave save(run_folder, step, mesh.describe(), world);
///     save.write(pieces);
///     save.add_files([&](const std::string& folder) { ... });
///     save.commit();
///
/// Parallel:    every rank must make it and call every method in the same order; each waits for
///              all ranks. The run folder is one folder that all ranks see. One save at a time for
///              a run folder: beginning one removes what it takes for the leftovers of killed runs.
///              world: a group on CPU tensors (the `host` of an `nccl` one).
/// Errors:      if a method fails on any rank it throws on every rank, the text of the lowest
///              failing rank. IoError: the disk is full, read-only, or a write, fsync or rename
///              failed. Then this object is of no further use.
class PendingSave {
 public:
  /// Makes the run folder if need be, and in it the temporary folder.
  /// layout:      of the job, for people.
  PendingSave(std::string run_folder,
              int64_t step,
              std::string layout,
              std::shared_ptr<parallel::Communicator> world);
  ~PendingSave();
  PendingSave(const PendingSave&) = delete;
  PendingSave& operator=(const PendingSave&) = delete;

  /// The temporary folder.
  const std::string& folder() const { return folder_; }

  /// Writes rank-%05d.safetensors on each rank. All ranks' pieces together make whole tensors; of a
  /// piece that several ranks hold one writes it, and the work is spread. Call once.
  /// pieces:      this rank's, in any order, not changed.
  /// Errors:      ShapeError if the ranks disagree about a tensor, or an element is missing;
  ///              IoError also, before anything is written, if there is too little room.
  /// Determinism: the same files for the same pieces.
  /// Cost:        host copies of those pieces it writes that are not contiguous or not on the CPU;
  ///              the list of all ranks' pieces, about 100 bytes for each, on every rank.
  void write(const std::vector<TensorPiece>& pieces);

  /// Runs `write_files` on every rank, with folder(), for files of the caller's own: configuration,
  /// trainer state, a model for others. They become part of the checkpoint, hashed and synced.
  /// Names that begin with a dot, and manifest.json at the top, are not allowed for. Rank 0 reads
  /// them once to hash them, in commit().
  /// write_files: no collective inside, unless all ranks leave it in the same way: either all
  ///              return, or all throw, those that have nothing to add PeerFailure.
  void add_files(const std::function<void(const std::string& folder)>& write_files);

  /// Makes the checkpoint complete, visible and the latest. A folder of the same step is replaced
  /// in one step. When it returns, the save is on the disk.
  void commit();

 private:
  std::string make_temporary_folder() const;
  void check_free_space() const;
  FileDigest write_own_file(const std::vector<TensorPiece>& pieces) const;
  void list_added_files();
  void publish();

  std::string run_folder_;
  std::shared_ptr<parallel::Communicator> world_;
  std::string folder_;
  Manifest manifest_;
  bool is_visible_ = false;
};

}  // namespace hecaton::checkpoint
