// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/flat_buffer.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/huge_pages.h"
#include "core/shapes.h"

namespace hecaton {
namespace {

/// A cache line, and the widest vector register, of the narrowest dtype, so that buffers of every
/// dtype have the same offsets.
constexpr int64_t kAlignedElements = 64 / 2;

int64_t rounded_up(int64_t number, int64_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

}  // namespace

FlatBuffer::FlatBuffer(std::vector<std::vector<int64_t>> shapes,
                       at::ScalarType dtype,
                       int64_t num_shards)
    : shapes_(std::move(shapes)) {
  for (const std::vector<int64_t>& shape : shapes_) {
    offsets_.push_back(whole_Z_);
    whole_Z_ += rounded_up(num_elements(shape), kAlignedElements);
  }
  whole_Z_ = rounded_up(whole_Z_, kAlignedElements * num_shards);
  flat_Z_ = zeros_on_huge_pages({whole_Z_}, dtype);
}

FlatBuffer FlatBuffer::zeros_like(at::ScalarType dtype) const {
  FlatBuffer zeros = *this;
  zeros.flat_Z_ = zeros_on_huge_pages({flat_Z_.numel()}, dtype);
  return zeros;
}

FlatBuffer FlatBuffer::shard(const ShardPlace& place) const {
  HECATON_CHECK_EQ(flat_Z_.numel(), whole_Z_, "only a whole buffer is cut into shards");
  HECATON_CHECK_EQ(whole_Z_ % (place.size * kAlignedElements), 0, "shards of equal size");
  FlatBuffer shard = *this;
  const int64_t Z = whole_Z_ / place.size;
  shard.begin_ = place.rank * Z;
  shard.flat_Z_ = flat_Z_.narrow(0, shard.begin_, Z);
  return shard;
}

at::Tensor FlatBuffer::view(int64_t idx) const {
  const std::vector<int64_t>& shape = shapes_[static_cast<size_t>(idx)];
  const Part all = part(idx);
  HECATON_CHECK_EQ(all.values.numel(), num_elements(shape), "a shard holds parts of tensors");
  return all.values.view(shape);
}

FlatBuffer::Part FlatBuffer::part(int64_t idx) const {
  const int64_t offset = offsets_[static_cast<size_t>(idx)];
  const int64_t end = offset + num_elements(shapes_[static_cast<size_t>(idx)]);
  const int64_t first = std::clamp(begin_, offset, end);
  const int64_t last = std::clamp(begin_ + flat_Z_.numel(), first, end);
  return {first - offset, flat_Z_.narrow(0, first == last ? 0 : first - begin_, last - first)};
}

}  // namespace hecaton
