// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

namespace hecaton::kernels::detail {

/// A bfloat16 number: the upper half of a float32.
struct BFloat16Bits {
  static constexpr int kNaN = 0x7fc0;
  uint16_t bits;
};

}  // namespace hecaton::kernels::detail
