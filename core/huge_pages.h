// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton {

/// at::zeros() on the CPU for what lives as long as a run, as weights, gradients and moments do.
/// From 4 MiB on its memory is asked of the system in pages of 2 MiB where it gives such: a pass
/// over many pages of 4 KiB waits for their addresses.
at::Tensor zeros_on_huge_pages(at::IntArrayRef sizes, at::ScalarType dtype);

}  // namespace hecaton
