// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/cuda_kernels.h"
#include "kernels/detail/rows.cuh"

namespace hecaton::kernels::detail {
namespace {

template <typename Word>
__global__ void permute_kernel(PermuteArguments arguments, int64_t words_per_row) {
  const auto* source = static_cast<const Word*>(arguments.source_TD);
  auto* rows = static_cast<Word*>(arguments.rows_RD);
  for (int64_t r = warp_idx(); r < arguments.R; r += num_warps()) {
    const int64_t t = arguments.idx_R[r] / arguments.divisor;
    for (int64_t i = threadIdx.x; i < words_per_row; i += kWarpSize) {
      rows[r * words_per_row + i] = source[t * words_per_row + i];
    }
  }
}

template <typename Word>
void launch(const PermuteArguments& arguments, Stream stream) {
  const auto words_per_row = arguments.row_bytes / static_cast<int64_t>(sizeof(Word));
  permute_kernel<Word>
      <<<warp_grid(arguments.R), warp_block(), 0, stream>>>(arguments, words_per_row);
  HECATON_CUDA(cudaGetLastError());
}

}  // namespace

void permute_rows_cuda(const PermuteArguments& arguments, Stream stream) {
  // Rows of any dtype are bytes. Odd widths are rare and may be slow.
  const auto fits_words = [&](int word_bytes) {
    return fits(word_bytes, arguments.row_bytes, arguments.source_TD, arguments.rows_RD);
  };
  if (fits_words(sizeof(uint4))) {
    launch<uint4>(arguments, stream);
  } else if (fits_words(sizeof(uint32_t))) {
    launch<uint32_t>(arguments, stream);
  } else {
    launch<uint8_t>(arguments, stream);
  }
}

}  // namespace hecaton::kernels::detail
