// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/flat_buffer.h"

#include "core/huge_pages.h"
#include "core/shapes.h"

namespace hecaton {
namespace {

constexpr int64_t kAlignment = 64;  // a cache line, and the widest vector register

}  // namespace

FlatBuffer::FlatBuffer(const std::vector<std::vector<int64_t>>& shapes, at::ScalarType dtype)
    : shapes_(shapes) {
  // Aligned for the narrowest dtype, so that buffers of every dtype have the same offsets.
  constexpr int64_t kElements = kAlignment / 2;
  int64_t Z = 0;
  for (const std::vector<int64_t>& shape : shapes_) {
    offsets_.push_back(Z);
    Z += (num_elements(shape) + kElements - 1) / kElements * kElements;
  }
  flat_Z_ = zeros_on_huge_pages({Z}, dtype);
}

FlatBuffer FlatBuffer::zeros_like(at::ScalarType dtype) const {
  return FlatBuffer(shapes_, dtype);
}

at::Tensor FlatBuffer::view(int64_t idx) const {
  const std::vector<int64_t>& shape = shapes_[static_cast<size_t>(idx)];
  return flat_Z_.narrow(0, offsets_[static_cast<size_t>(idx)], num_elements(shape)).view(shape);
}

}  // namespace hecaton
