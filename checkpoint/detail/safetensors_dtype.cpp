// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "checkpoint/detail/safetensors_dtype.h"

#include <algorithm>
#include <array>
#include <sstream>

#include <c10/util/ArrayRef.h>

namespace hecaton::checkpoint::detail {
namespace {

// In the order of the format's own enumeration.
constexpr std::array<Dtype, 22> kDtypes = {{
    {"BOOL", 8, at::kBool, 0},
    {"F4", 4, std::nullopt, 1},
    {"F6_E2M3", 6, std::nullopt, 2},
    {"F6_E3M2", 6, std::nullopt, 3},
    {"U8", 8, at::kByte, 4},
    {"I8", 8, at::kChar, 5},
    {"F8_E5M2", 8, std::nullopt, 6},
    {"F8_E4M3", 8, std::nullopt, 7},
    {"F8_E8M0", 8, std::nullopt, 8},
    {"F8_E4M3FNUZ", 8, std::nullopt, 9},
    {"F8_E5M2FNUZ", 8, std::nullopt, 10},
    {"I16", 16, at::kShort, 11},
    {"U16", 16, std::nullopt, 12},
    {"F16", 16, at::kHalf, 13},
    {"BF16", 16, at::kBFloat16, 14},
    {"I32", 32, at::kInt, 15},
    {"U32", 32, std::nullopt, 16},
    {"F32", 32, at::kFloat, 17},
    {"C64", 64, std::nullopt, 18},
    {"F64", 64, at::kDouble, 19},
    {"I64", 64, at::kLong, 20},
    {"U64", 64, std::nullopt, 21},
}};

template <typename Predicate>
const Dtype* find_if(Predicate is_wanted) {
  const auto* found = std::find_if(kDtypes.begin(), kDtypes.end(), is_wanted);
  return found == kDtypes.end() ? nullptr : found;
}

}  // namespace

const Dtype* find_dtype(std::string_view name) {
  return find_if([&](const Dtype& dtype) { return dtype.name == name; });
}

const Dtype* find_dtype(at::ScalarType scalar_type) {
  return find_if([&](const Dtype& dtype) { return dtype.scalar_type == scalar_type; });
}

std::optional<int64_t> tensor_bytes(const Dtype& dtype, const std::vector<int64_t>& shape) {
  // Sizes of 0 are left out of the product: LibTorch multiplies strides the same way, and [0, 2^62,
  // 2^62] would overflow there.
  int64_t num_bits = dtype.num_bits;
  bool is_empty = false;
  for (const int64_t size : shape) {
    is_empty |= size == 0;
    const int64_t factor = size == 0 ? 1 : size;
    if (factor < 0 || __builtin_mul_overflow(num_bits, factor, &num_bits)) {
      return std::nullopt;
    }
  }
  if (is_empty) {
    return 0;
  }
  return num_bits % 8 == 0 ? std::optional(num_bits / 8) : std::nullopt;
}

std::string description(std::string_view dtype, const std::vector<int64_t>& shape) {
  std::ostringstream out;
  out << dtype << " " << at::IntArrayRef(shape);
  return out.str();
}

std::string description(at::ScalarType dtype, const std::vector<int64_t>& shape) {
  const Dtype* known = find_dtype(dtype);
  return description(known != nullptr ? known->name : c10::toString(dtype), shape);
}

}  // namespace hecaton::checkpoint::detail
