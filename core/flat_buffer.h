// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// One of `size` equal consecutive parts.
struct ShardPlace {
  int64_t rank = 0;  ///< in [0, size)
  int64_t size = 1;

  bool operator==(const ShardPlace&) const = default;
};

/// One allocation that holds several tensors back to back, each starting on a 64-byte boundary, so
/// that an optimizer step or a collective works on all of them at once. The gaps are zero and stay
/// so. Or one shard of that: equal consecutive parts, whatever tensors they cut.
class FlatBuffer {
 public:
  /// Elements of one tensor that a buffer holds.
  struct Part {
    int64_t begin = 0;  ///< first element, counted in the tensor in C order
    at::Tensor values;  ///< one-dimensional view; may be empty
  };

  /// Empty buffer.
  FlatBuffer() = default;
  /// Zeros for tensors of the given shapes, on the CPU. num_shards: of how many shards it can be
  /// cut into.
  FlatBuffer(std::vector<std::vector<int64_t>> shapes,
             at::ScalarType dtype,
             int64_t num_shards = 1);

  /// Zeros for the same tensors, or the same shard of them.
  FlatBuffer zeros_like(at::ScalarType dtype) const;
  /// The shard at `place` of a whole buffer, which shares its memory.
  FlatBuffer shard(const ShardPlace& place) const;

  /// [Z], every tensor and the gaps between them, or the elements of the shard.
  const at::Tensor& flat_Z() const { return flat_Z_; }
  int64_t num_tensors() const { return static_cast<int64_t>(shapes_.size()); }
  /// Tensor number idx, a view in its own shape. Errors: InternalError if it is not all here.
  at::Tensor view(int64_t idx) const;
  /// What is here of tensor number idx.
  Part part(int64_t idx) const;

 private:
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<int64_t> offsets_;  ///< of the tensors in the whole buffer, in elements
  int64_t whole_Z_ = 0;           ///< elements of the whole buffer
  int64_t begin_ = 0;             ///< first element of this one in the whole buffer
  at::Tensor flat_Z_;
};

}  // namespace hecaton
