// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/grouping.h"

#include <limits>
#include <string>

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "core/shapes.h"
#include "kernels/detail/cpu_kernels.h"
#include "kernels/detail/device.h"

namespace hecaton::kernels {
namespace {

template <typename Stream>
Grouping group_by_expert_cuda(const at::Tensor& expert_idx_TK, int64_t E, Stream stream) {
  const int64_t S = expert_idx_TK.numel();
  const detail::GroupingPlan plan = detail::plan_grouping_cuda(S, E);
  const at::TensorOptions int32 = expert_idx_TK.options();
  const at::Tensor counts = at::empty({plan.num_counts + 2}, int32);
  const at::Tensor scan = at::empty({plan.scan_bytes}, int32.dtype(at::kByte));
  const at::Tensor slot_of_row_S = at::empty({S}, int32);
  Grouping grouping;
  grouping.row_of_slot_TK = at::empty(expert_idx_TK.sizes(), int32);
  grouping.num_rows_E = at::empty({E}, int32.dtype(at::kLong));
  detail::group_by_expert_cuda({.expert_idx_S = expert_idx_TK.const_data_ptr<int32_t>(),
                                .S = S,
                                .E = E,
                                .plan = plan,
                                .counts = counts.data_ptr<int32_t>(),
                                .scan = scan.data_ptr(),
                                .slot_of_row_S = slot_of_row_S.data_ptr<int32_t>(),
                                .row_of_slot_S = grouping.row_of_slot_TK.data_ptr<int32_t>(),
                                .num_rows_E = grouping.num_rows_E.data_ptr<int64_t>()},
                               stream);
  // Here the host waits, for R and for what may be wrong with the indices.
  const at::Tensor outcome = counts.narrow(0, plan.num_counts, 2).cpu();
  const int32_t R = outcome.const_data_ptr<int32_t>()[0];
  const int32_t too_large = outcome.const_data_ptr<int32_t>()[1];
  if (too_large != 0) {
    throw ShapeError("expert_idx_TK must be below E: found " + std::to_string(too_large) +
                     " E=" + std::to_string(E));
  }
  grouping.slot_of_row_R = slot_of_row_S.narrow(0, 0, R);
  return grouping;
}

}  // namespace

Grouping group_by_expert(const at::Tensor& expert_idx_TK, int64_t num_experts) {
  check_shape("expert_idx_TK", expert_idx_TK, {-1, -1});
  check_dtype("expert_idx_TK", expert_idx_TK, at::kInt);
  detail::check_devices({{"expert_idx_TK", expert_idx_TK}});
  if (expert_idx_TK.numel() > std::numeric_limits<int32_t>::max()) {
    throw ShapeError("T*K must be below 2^31: T*K=" + std::to_string(expert_idx_TK.numel()));
  }
  const at::Tensor contiguous_TK = expert_idx_TK.contiguous();
  Grouping grouping;
  detail::run_on(
      expert_idx_TK.device(),
      [&] { grouping = detail::group_by_expert_cpu(contiguous_TK, num_experts); },
      [&](auto stream) { grouping = group_by_expert_cuda(contiguous_TK, num_experts, stream); });
  return grouping;
}

}  // namespace hecaton::kernels
