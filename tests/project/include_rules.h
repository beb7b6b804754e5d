// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <vector>

#include "tests/project/source_tree.h"

namespace hecaton::project {

/// The includes of a C++ or CUDA file that the project's layout does not allow, each as
/// "path:line: rule: included file".
///
/// The rules: a folder includes only the folders below it, by paths from the root; detail/ and .cuh
/// files stay in their folder; MPI and NCCL are known to the sources of parallel/ alone, CUDA to
/// sources but no headers, LibTorch to everything but .cu files, and by its parts; examples/ and
/// bench/ see the public tree <hecaton/...> as users do, which nothing else includes.
std::vector<std::string> find_forbidden_includes(const SourceFile& file);

}  // namespace hecaton::project
