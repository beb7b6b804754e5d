// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hecaton::checkpoint {

/// What one rank holds of a tensor of the whole job: all of it, one expert, a shard of a flat
/// buffer. Neither saving nor loading knows what the tensor is for.
struct TensorPiece {
  /// Global name, at most 1,024 bytes of UTF-8 with what piece_key() adds: "optim.exp_avg.model..."
  std::string name;
  std::vector<int64_t> shape;  ///< of the whole tensor; empty for a scalar
  int64_t begin = 0;           ///< first element held, counted in the whole tensor in C order
  /// Elements [begin, begin + values.numel()). Any shape, strides and device, dtypes of
  /// SafetensorsFile. May be empty: nothing is held.
  at::Tensor values;
};

/// The piece that is all of its tensor.
inline TensorPiece whole_tensor(std::string name, const at::Tensor& values) {
  return {std::move(name), values.sizes().vec(), 0, values};
}

}  // namespace hecaton::checkpoint
