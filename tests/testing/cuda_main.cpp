// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

// main() of test programs that need a GPU. Without one every case is skipped and says why; ctest
// reads the line below as a skip.

#include <cstdio>

#include <ATen/Context.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!testing::GTEST_FLAG(list_tests) && !at::hasCUDA()) {
    std::puts("[  SKIPPED ] no CUDA device");
    return 0;
  }
  return RUN_ALL_TESTS();
}
