// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/routing.h"

#include <ATen/ops/zeros_like.h>

namespace hecaton::moe {

at::Tensor LocalCounts::exclusive_scan(const at::Tensor& counts_E) {
  return at::zeros_like(counts_E);
}

}  // namespace hecaton::moe
