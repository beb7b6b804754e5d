// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// One allocation that holds several tensors back to back, each starting on a 64-byte boundary, so
/// that an optimizer step or a collective works on all of them at once. The gaps are zero and stay
/// so.
class FlatBuffer {
 public:
  /// Empty buffer.
  FlatBuffer() = default;
  /// Zeros for tensors of the given shapes, on the CPU.
  FlatBuffer(const std::vector<std::vector<int64_t>>& shapes, at::ScalarType dtype);

  /// A buffer of the same shapes, filled with zeros.
  FlatBuffer zeros_like(at::ScalarType dtype) const;

  /// [Z], every tensor and the gaps between them.
  const at::Tensor& flat_Z() const { return flat_Z_; }
  int64_t num_tensors() const { return static_cast<int64_t>(shapes_.size()); }
  /// Tensor number idx, a view in its own shape.
  at::Tensor view(int64_t idx) const;

 private:
  std::vector<std::vector<int64_t>> shapes_;
  std::vector<int64_t> offsets_;
  at::Tensor flat_Z_;
};

}  // namespace hecaton
