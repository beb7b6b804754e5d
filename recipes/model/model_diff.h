// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "recipes/model/model_weights.h"

namespace hecaton::recipes {

/// How far two tensors of one shape and dtype are apart.
struct TensorDistance {
  bool is_equal = true;   ///< the same bits
  double absolute = 0.0;  ///< max|a-b|; infinite where one is NaN or infinite and the other is not
  double relative = 0.0;  ///< max|a-b| / max|a|; infinite if a is all zero and b is not
};

/// Whether shapes, dtypes and bits are the same, those of NaN included.
bool same_bits(const at::Tensor& a, const at::Tensor& b);

/// Precision: float64. Errors: ShapeError unless shapes and dtypes are equal.
TensorDistance tensor_distance(const at::Tensor& a, const at::Tensor& b);

/// Tensors whose names differ in numbers alone: "model.layers.*.mlp.experts.*.up_proj.weight".
struct GroupDistance {
  size_t num_tensors = 0;
  size_t num_different = 0;
  TensorDistance worst;    ///< of the tensor with the largest relative difference
  std::string worst_name;  ///< empty if all are equal
};

/// What two models have in common and what not.
struct ModelDiff {
  std::vector<std::string> only_in_a;
  std::vector<std::string> only_in_b;
  std::vector<std::string> other_form;  ///< "NAME: F32 [2,3] and BF16 [2,3]"
  std::map<std::string, GroupDistance> groups;

  bool is_equal() const;
};

/// Compares every tensor, one after the other. Errors: those of ModelWeights::load().
ModelDiff compare_weights(const ModelWeights& a, const ModelWeights& b);

/// `name` with each number between dots replaced by `*`.
std::string group_name(const std::string& name);

}  // namespace hecaton::recipes
