// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>

#include "checkpoint/file_io.h"

namespace hecaton::checkpoint {

/// Name of the manifest in a step folder. A folder that has it is a complete checkpoint.
inline constexpr std::string_view kManifestName = "manifest.json";

/// One file of a checkpoint.
struct ManifestFile {
  std::string name;  ///< below the step folder: "rank-00000.safetensors", "model/config.json"
  FileDigest digest;
};

/// Elements [begin, begin + num_elements) of a tensor, counted in C order, and where they are.
struct ManifestPiece {
  size_t file_idx = 0;  ///< in Manifest::files
  int64_t begin = 0;
  int64_t num_elements = 0;
};

/// One tensor of the whole job, whatever ranks hold it.
struct ManifestTensor {
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;  ///< of the whole tensor
  /// In the order of `begin`; they cover every element exactly once. None if there is no element.
  std::vector<ManifestPiece> pieces;
};

/// What stands in manifest.json: the list of contents of a checkpoint. docs/checkpoints.md
/// describes the text.
struct Manifest {
  int64_t step = 0;
  std::string layout;  ///< of the job that saved; for people: "world 4 = dp 4 = edp 2 x ep 2"
  std::vector<ManifestFile> files;
  std::map<std::string, ManifestTensor> tensors;  ///< by global name
};

/// The name that a piece has inside its file: that of the tensor if it is all of it, otherwise
/// "name[begin:end]".
std::string piece_key(const std::string& name,
                      const ManifestTensor& tensor,
                      const ManifestPiece& piece);

/// The text. Determinism: a function of the manifest alone. Errors: CheckpointError for a name that
/// is not UTF-8; whether all else is legal is for parse_manifest() to say.
std::string format_manifest(const Manifest& manifest);

/// Reads a text, and believes nothing of it: every rule of docs/checkpoints.md is checked, sizes by
/// checked arithmetic, limits before memory is taken.
///
/// path:        for messages.
/// Errors:      CheckpointError of one line, "PATH: what: expected ..., found ...".
/// Cost:        memory of at most twice the text's length.
Manifest parse_manifest(const std::string& path, std::string_view text);

/// Reads <folder>/manifest.json. Errors: CheckpointError, also for a file that is missing or longer
/// than 256 MiB.
Manifest read_manifest(const std::string& folder);

}  // namespace hecaton::checkpoint
