// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "parallel/communicator.h"

namespace hecaton::parallel {

/// output[i] = sources[0][i] op sources[1][i] op ..., `count` elements of `dtype`.
///
/// output may be one of the sources. kMax and kMin give NaN if any source has it.
/// Errors:      ShapeError for a dtype that collectives do not carry.
/// Precision:   bfloat16 and float16 in float32, rounded once at the end; others in their own type.
/// Determinism: bitwise, whatever the number of threads.
void reduce_in_order(at::ScalarType dtype,
                     ReduceOp op,
                     const std::vector<const std::byte*>& sources,
                     std::byte* output,
                     int64_t count);

}  // namespace hecaton::parallel
