// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/huge_pages.h"

#include <cstddef>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Allocator.h>
#include <c10/util/accumulate.h>

namespace hecaton {

at::Tensor zeros_on_huge_pages(at::IntArrayRef sizes, at::ScalarType dtype) {
  constexpr size_t kPageBytes = size_t{2} << 20;
  const auto options = at::TensorOptions().dtype(dtype);
  const size_t num_bytes =
      static_cast<size_t>(c10::multiply_integers(sizes)) * c10::elementSize(dtype);
  if (num_bytes < 2 * kPageBytes) {
    return at::zeros(sizes, options);
  }
  void* data = nullptr;
  if (posix_memalign(&data, kPageBytes, num_bytes) != 0) {
    throw std::bad_alloc();
  }
  madvise(data, num_bytes, MADV_HUGEPAGE);  // only ever makes it faster
  return at::from_blob(data, sizes, &std::free, options).zero_();
}

}  // namespace hecaton
