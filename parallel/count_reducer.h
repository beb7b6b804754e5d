// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "moe/routing.h"
#include "parallel/communicator.h"

namespace hecaton::parallel {

/// Sums and scans counts over the ranks of one mesh axis.
///
/// Parallel: each call is one collective on the axis and waits for it; every rank must call it,
/// with counts of the same shape.
class AxisCountReducer final : public moe::CountReducer {
 public:
  /// group: not null.
  explicit AxisCountReducer(std::shared_ptr<Communicator> group);

  /// Errors: ShapeError unless counts_E is an int64 tensor on the CPU; CommError.
  at::Tensor sum(const at::Tensor& counts_E) override;
  at::Tensor exclusive_scan(const at::Tensor& counts_E) override;

 private:
  std::shared_ptr<Communicator> group_;
};

}  // namespace hecaton::parallel
