// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstddef>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// Memory of undefined contents, asked of the system in pages of 2 MiB where it gives such: a pass
/// over many pages of 4 KiB waits for their addresses. Starts at a multiple of 2 MiB, or of 1 MiB
/// when it is smaller. To be given back by std::free().
/// Errors: c10::OutOfMemoryError naming the bytes.
void* allocate_on_huge_pages(size_t num_bytes);

/// at::zeros() on the CPU for what lives as long as a run, as weights, gradients and moments do:
/// from 4 MiB on by allocate_on_huge_pages(). LibTorch's profilers see it like any other tensor.
/// Errors: as allocate_on_huge_pages(); ShapeError for sizes that do not fit into 63 bits.
at::Tensor zeros_on_huge_pages(at::IntArrayRef sizes, at::ScalarType dtype);

}  // namespace hecaton
