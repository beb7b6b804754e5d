// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/count_reducer.h"

#include <utility>

#include <ATen/ops/empty.h>

#include "core/shapes.h"

namespace hecaton::parallel {

AxisCountReducer::AxisCountReducer(std::shared_ptr<Communicator> group)
    : group_(std::move(group)) {}

at::Tensor AxisCountReducer::sum(const at::Tensor& counts_E) {
  check_dtype("counts_E", counts_E, at::kLong);
  const at::Tensor sum_E = counts_E.clone(at::MemoryFormat::Contiguous);
  group_->all_reduce(sum_E);
  return sum_E;
}

at::Tensor AxisCountReducer::exclusive_scan(const at::Tensor& counts_E) {
  check_dtype("counts_E", counts_E, at::kLong);
  const at::Tensor all_counts = at::empty({group_->size(), counts_E.numel()}, counts_E.options());
  group_->all_gather(counts_E.contiguous(), all_counts);
  return all_counts.narrow(0, 0, group_->rank()).sum(0).view(counts_E.sizes());
}

}  // namespace hecaton::parallel
