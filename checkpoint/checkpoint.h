// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/tensor_piece.h"
#include "parallel/communicator.h"

namespace hecaton::checkpoint {

/// A complete checkpoint, open for reading, whatever layout wrote it.
///
/// Parallel:    every rank must open it and call load(); both wait for all ranks.
/// Errors:      CheckpointError of one line on every rank, the text of the lowest failing rank,
///              naming file or tensors, expected and found.
class Checkpoint {
 public:
  /// Reads the manifest and checks the files that it lists; no rank reads what another one checks.
  /// folder:      a step folder.
  /// verify_hashes: read every byte; without, only sizes are compared.
  /// Errors:      a file is missing, no regular file, of another size or content; a rank file that
  ///              the manifest does not list is there.
  Checkpoint(std::string folder,
             std::shared_ptr<parallel::Communicator> world,
             bool verify_hashes = true);

  const std::string& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }

  /// Fills this rank's pieces. How they are cut has nothing to do with how they were saved; each
  /// rank reads only the bytes that it needs. Nothing is converted.
  /// pieces:      `values` is changed in place; parameters may be passed.
  /// Errors:      all faults at once, the first few by name: a tensor that the checkpoint lacks,
  ///              has in another shape or dtype, or has and no rank asks for. Values may have been
  ///              changed if a file turns out to be damaged; not before that.
  void load(const std::vector<TensorPiece>& pieces) const;

  /// The content of a file that the writer added, for example "trainer_state.json", checked against
  /// its hash. No collective: one rank may call it.
  /// Errors:      the manifest lists no such file, or it was changed.
  std::string read_file(const std::string& name) const;

 private:
  void check_files(bool verify_hashes) const;
  void check_file(const ManifestFile& file, bool verify_hash) const;
  /// Names that no rank has a piece of. Every rank must call it.
  std::vector<std::string> find_unwanted(const std::vector<TensorPiece>& pieces) const;
  void check_fit(const std::vector<TensorPiece>& pieces,
                 const std::vector<std::string>& unwanted) const;

  std::string folder_;
  std::shared_ptr<parallel::Communicator> world_;
  Manifest manifest_;
};

}  // namespace hecaton::checkpoint
