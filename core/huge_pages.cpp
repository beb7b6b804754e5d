// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/huge_pages.h"

#include <cstdlib>
#include <sys/mman.h>

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include "core/shapes.h"

namespace hecaton {
namespace {

constexpr size_t kPageBytes = size_t{2} << 20;

void give_back(void* data) {
  c10::profiledCPUMemoryReporter().Delete(data);
  std::free(data);
}

}  // namespace

void* allocate_on_huge_pages(size_t num_bytes) {
  const size_t alignment = num_bytes < kPageBytes ? kPageBytes / 2 : kPageBytes;
  void* data = nullptr;
  TORCH_CHECK_WITH(OutOfMemoryError,
                   posix_memalign(&data, alignment, num_bytes) == 0,
                   "can't allocate memory: ",
                   num_bytes,
                   " bytes");
  madvise(data, num_bytes, MADV_HUGEPAGE);  // only ever makes it faster
  return data;
}

at::Tensor zeros_on_huge_pages(at::IntArrayRef sizes, at::ScalarType dtype) {
  const auto options = at::TensorOptions().dtype(dtype);
  const auto num_bytes = static_cast<size_t>(
      checked_mul(num_elements(sizes), static_cast<int64_t>(c10::elementSize(dtype))));
  if (num_bytes < 2 * kPageBytes) {
    return at::zeros(sizes, options);
  }
  void* data = allocate_on_huge_pages(num_bytes);
  c10::profiledCPUMemoryReporter().New(data, num_bytes);
  return at::from_blob(data, sizes, &give_back, options).zero_();
}

}  // namespace hecaton
