// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include <ATen/core/Tensor.h>

// clang-format off
// The shape legend. A tensor's name ends in its dims, in storage order: x_TD is [T, D]. A letter has
// one meaning in the whole project; 1 marks a broadcast dim (sum_T1).
//
//   T  tokens on this rank           L  local experts, on this rank     B  batch, in sequences
//   D  model width                   K  top-k, experts per token        Q  sequence length, in tokens
//   F  ffn hidden width              S  routed slots, T*K               C  head dimension
//   E  experts in the layer          R  received rows after dispatch    H  heads
//   G  width of an expert's first    V  vocabulary                      P  ranks of a group
//      projection: 2F if gated, F    X  chunks of a dispatch            Z  elements of a flat buffer
//      otherwise                     M  input width of a product        N  output width of a product
// clang-format on

namespace hecaton {

/// Throws ShapeError naming `name` unless `tensor` has exactly the sizes `expected`, where -1 fits
/// any size.
void check_shape(const std::string& name,
                 const at::Tensor& tensor,
                 std::initializer_list<int64_t> expected);

/// Throws ShapeError naming `name` unless `tensor` has the dtype `expected`.
void check_dtype(const std::string& name, const at::Tensor& tensor, at::ScalarType expected);

/// a*b. Throws ShapeError if a or b is negative or the product does not fit into 63 bits.
int64_t checked_mul(int64_t a, int64_t b);
/// Elements of a tensor of these sizes. Errors: as checked_mul().
int64_t num_elements(at::IntArrayRef sizes);

/// Dtype in which routing, losses and reductions of a model of dtype `model` are computed: float64
/// for float64, float32 for every other.
inline at::ScalarType accumulation_dtype(at::ScalarType model) {
  return model == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace hecaton
