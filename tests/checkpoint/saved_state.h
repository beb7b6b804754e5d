// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "checkpoint/tensor_piece.h"
#include "tests/testing/random_tensor.h"

namespace hecaton::checkpoint {

/// A tensor of every kind that a trainer saves, as whole pieces. Values are nowhere 0.
inline std::vector<TensorPiece> sample_state(const std::string& seed = "state") {
  using testing::random_tensor;
  return {
      whole_tensor("model.embed.weight", random_tensor({7, 5}, at::kBFloat16, seed + ".embed")),
      whole_tensor("model.experts.0.up.weight", random_tensor({4, 3}, at::kFloat, seed + ".up0")),
      whole_tensor("model.experts.1.up.weight", random_tensor({4, 3}, at::kFloat, seed + ".up1")),
      whole_tensor("optim.exp_avg.model.norm", random_tensor({97}, at::kDouble, seed + ".norm")),
      whole_tensor("optim.step", at::full({}, 12345, at::TensorOptions().dtype(at::kLong))),
      whole_tensor("router.is_frozen", at::full({3}, true, at::TensorOptions().dtype(at::kBool))),
      whole_tensor("router.num_tokens", at::arange(1, 12, at::TensorOptions().dtype(at::kLong))),
      whole_tensor("router.unused", at::zeros({0, 4})),
  };
}

/// How ranks share the tensors.
enum class Cut {
  kReplicated,  ///< every rank holds everything
  kByTensor,    ///< each tensor on two ranks, as experts are
  kSharded,     ///< ranges of unequal length, some of them empty
};

/// What `rank` of `size` holds of `state`: views, so that loading into them fills `state`.
inline std::vector<TensorPiece> cut_state(const std::vector<TensorPiece>& state,
                                          Cut cut,
                                          int64_t rank,
                                          int64_t size) {
  std::vector<TensorPiece> pieces;
  int64_t idx = 0;
  for (const TensorPiece& whole : state) {
    const int64_t n = whole.values.numel();
    const int64_t begin = n * rank * rank / (size * size);
    const int64_t end = n * (rank + 1) * (rank + 1) / (size * size);
    if (cut == Cut::kSharded) {
      pieces.push_back(
          {whole.name, whole.shape, begin, whole.values.view({-1}).slice(0, begin, end)});
    } else if (cut == Cut::kReplicated || (idx - rank) % size == 0 ||
               (idx + 1 - rank) % size == 0) {
      pieces.push_back(whole);
    }
    ++idx;
  }
  return pieces;
}

/// The same tensors, all zero.
inline std::vector<TensorPiece> zeroed(std::vector<TensorPiece> state) {
  for (TensorPiece& piece : state) {
    piece.values = at::zeros_like(piece.values);
  }
  return state;
}

}  // namespace hecaton::checkpoint
