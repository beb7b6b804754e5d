// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/testing/temporary_folder.h"

namespace hecaton::testing {

/// Rewrites a golden file if HECATON_UPDATE_GOLDEN is 1, and returns whether it did. The test fails
/// then: no run passes against what it wrote itself.
inline bool rewrites_golden(const std::string& path, std::string_view content) {
  const char* update = std::getenv("HECATON_UPDATE_GOLDEN");
  if (update == nullptr || std::string_view(update) != "1") {
    return false;
  }
  write_bytes(path, content);
  ADD_FAILURE() << path << " is rewritten; read the difference and run again without "
                << "HECATON_UPDATE_GOLDEN";
  return true;
}

}  // namespace hecaton::testing
