// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "parallel/mesh.h"

namespace hecaton::recipes {

/// Names and versions of the program and of what it was built with and runs on, in the order of
/// `hecaton --version`.
std::vector<std::pair<std::string, std::string>> build_versions();

/// run.json: versions, host, layout, start time.
std::string run_record(parallel::Mesh& mesh);

}  // namespace hecaton::recipes
