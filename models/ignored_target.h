// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

namespace hecaton::models {

/// Targets with this value are not trained and not counted.
constexpr int64_t kIgnoredTarget = -100;

}  // namespace hecaton::models
