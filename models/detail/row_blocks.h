// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cstdint>

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

namespace hecaton::models::detail {

/// Calls body(first row, one past the last, sum) for blocks of rows in parallel, and returns the
/// sum of what the blocks added to theirs: [width] zeros at first. The blocks depend on num_rows
/// alone, and their sums are added in order: the same bits for any number of threads.
template <typename Number, typename Body>
at::Tensor sum_over_row_blocks(int64_t num_rows,
                               int64_t width,
                               at::ScalarType dtype,
                               const Body& body) {
  constexpr int64_t kMostBlocks = 64;
  const int64_t block_size = std::max<int64_t>((num_rows + kMostBlocks - 1) / kMostBlocks, 1);
  const int64_t num_blocks = (num_rows + block_size - 1) / block_size;
  const at::Tensor sums = at::zeros({num_blocks, width}, at::TensorOptions().dtype(dtype));
  auto* sum = sums.mutable_data_ptr<Number>();
  at::parallel_for(0, num_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      body(block * block_size, std::min((block + 1) * block_size, num_rows), sum + block * width);
    }
  });
  at::Tensor total = at::zeros({width}, sums.options());
  auto* to = total.mutable_data_ptr<Number>();
  for (int64_t block = 0; block < num_blocks; ++block) {
    for (int64_t i = 0; i < width; ++i) {
      to[i] += sum[block * width + i];
    }
  }
  return total;
}

}  // namespace hecaton::models::detail
