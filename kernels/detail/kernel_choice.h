// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <c10/core/ScalarType.h>

#include "kernels/detail/kind_kernels.h"

namespace hecaton::kernels::detail {

/// The kernels for this CPU (cpu_kind()); null where LibTorch's products and plain loops are all
/// there is, as for float64.
const KindKernels* own_kernels(c10::ScalarType dtype);

}  // namespace hecaton::kernels::detail
