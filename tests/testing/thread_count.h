// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <functional>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include "tests/testing/tensor_compare.h"

namespace hecaton::testing {

/// Expects compute() to give the same bits with 1, 2 and 4 threads.
inline void expect_same_bits_for_every_thread_count(
    const std::function<std::vector<at::Tensor>()>& compute,
    const char* file = __builtin_FILE(),
    int line = __builtin_LINE()) {
  const int num_threads_before = at::get_num_threads();
  at::set_num_threads(1);
  const std::vector<at::Tensor> expected = compute();
  for (const int num_threads : {2, 4}) {
    const ::testing::ScopedTrace trace(file, line, std::to_string(num_threads) + " threads");
    at::set_num_threads(num_threads);
    const std::vector<at::Tensor> actual = compute();
    for (size_t i = 0; i < expected.size(); ++i) {
      expect_bitwise_equal(actual[i], expected[i], file, line);
    }
  }
  at::set_num_threads(num_threads_before);
}

}  // namespace hecaton::testing
