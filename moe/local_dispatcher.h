// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>

#include "moe/dispatcher.h"

namespace hecaton::moe {

/// Every expert lives here: dispatch is a permutation, combine is the identity.
class LocalDispatcher final : public Dispatcher {
 public:
  ExpertRange local_experts(int64_t num_experts) const override { return {0, num_experts}; }
  std::shared_ptr<const DispatchPlan> plan(const Routing& routing, int64_t num_chunks) override;
  PendingRows start_dispatch(const DispatchPlan& plan,
                             int64_t chunk,
                             const at::Tensor& x_TD,
                             const at::Tensor& value_TK) override;
  PendingRows start_combine(const DispatchPlan& plan,
                            int64_t chunk,
                            const at::Tensor& rows_RD,
                            const at::Tensor& value_R) override;
};

}  // namespace hecaton::moe
