// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// at::empty() on the CPU from memory that is kept: what a large tensor of one layer or step gives
/// back serves the next. Fresh memory costs more than a pass over it, because the system hands it
/// out page by page and zeroed.
///
/// Returns: a contiguous tensor of undefined contents, at a multiple of 64 bytes. Its memory goes
///          back when its last reference does. Small tensors are those of at::empty().
/// Memory:  what is kept and what is in use together stay within 5/4 of the most that was ever in
///          use at once. Thread-safe.
/// Errors:  as zeros_on_huge_pages().
at::Tensor workspace_empty(at::IntArrayRef sizes, at::ScalarType dtype);

/// What the process has in workspaces.
struct WorkspaceStats {
  int64_t used_bytes = 0;       ///< in tensors
  int64_t kept_bytes = 0;       ///< waiting for the next tensor
  int64_t num_tensors = 0;      ///< handed out since the process began
  int64_t num_allocations = 0;  ///< of these, those that found nothing that was kept
};
WorkspaceStats workspace_stats();

}  // namespace hecaton
