// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/detail/same_bits.h"

#include <ATen/ops/equal.h>

namespace hecaton::parallel::detail {
namespace {

at::Tensor bytes_of(const at::Tensor& tensor) {
  return tensor.contiguous().view({-1}).view(at::kByte);
}

}  // namespace

bool has_same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         at::equal(bytes_of(a), bytes_of(b));
}

}  // namespace hecaton::parallel::detail
