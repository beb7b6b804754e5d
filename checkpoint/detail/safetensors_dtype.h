// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>

namespace hecaton::checkpoint::detail {

/// One dtype of the format.
struct Dtype {
  std::string_view name;
  int64_t num_bits = 0;
  std::optional<at::ScalarType> scalar_type;  ///< empty: not loaded
  int64_t order = 0;                          ///< writers sort tensors by this, descending
};

/// Null if the format has no such dtype.
const Dtype* find_dtype(std::string_view name);
/// Null if the format has no name for it, or it is not loaded.
const Dtype* find_dtype(at::ScalarType scalar_type);

/// Bytes of a tensor; empty if a size is negative, the product of the sizes other than 0 and of the
/// bits of an element does not fit into 63 bits, or the tensor does not end on a byte.
std::optional<int64_t> tensor_bytes(const Dtype& dtype, const std::vector<int64_t>& shape);

/// "F32 [2, 3]", for messages.
std::string description(std::string_view dtype, const std::vector<int64_t>& shape);
std::string description(at::ScalarType dtype, const std::vector<int64_t>& shape);

}  // namespace hecaton::checkpoint::detail
