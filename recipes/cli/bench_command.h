// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hecaton::recipes {

/// what: "layer". Table on standard error; JSON lines on standard output if as_json.
/// num_rounds: at least 1. num_threads: unset for every core.
/// Errors: ConfigError for another benchmark or a number out of range.
void bench(const std::string& what,
           bool as_json,
           int64_t num_rounds,
           std::optional<int64_t> num_threads);

}  // namespace hecaton::recipes
