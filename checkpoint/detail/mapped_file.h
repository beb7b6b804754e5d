// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <utility>

#include "core/error.h"
#include "core/mapped_file.h"

namespace hecaton::checkpoint::detail {

/// A model file mapped into memory for reading. Errors: CheckpointError naming the path, from every
/// method.
class MappedFile : public hecaton::MappedFile {
 public:
  explicit MappedFile(std::string path)
      : hecaton::MappedFile(std::move(path), "model file", throw_as<CheckpointError>) {}
};

}  // namespace hecaton::checkpoint::detail
