// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <memory>

#include "moe/dispatcher.h"
#include "parallel/communicator.h"

namespace hecaton::parallel {

/// Expert parallelism: ep_rank r owns experts [r*E/P, (r+1)*E/P), and rows travel by an all-to-all
/// of varying size, without padding.
///
/// Source:   Lepikhin et al. 2020, arXiv 2006.16668, section 3 (experts over devices). Deviations:
///           messages have the size of their rows, not that of a capacity.
/// Parallel: per layer one exchange of counts over all chunks; per dispatch or combine one exchange
/// of
///           rows and, where numbers ride along, one of those; at most P-1 messages each, P = ep
///           size. Every rank must call in the same order, also with zero tokens.
/// Cost:     each row that leaves its rank is sent once each way: T*K*D*(P-1)/P elements on
/// average.
class AllToAllDispatcher final : public moe::Dispatcher {
 public:
  /// ep: the ranks that share the experts.
  explicit AllToAllDispatcher(std::shared_ptr<Communicator> ep);

  /// Errors: ConfigError if the ep size does not divide num_experts.
  moe::ExpertRange local_experts(int64_t num_experts) const override;
  std::shared_ptr<const moe::DispatchPlan> plan(const moe::Routing& routing,
                                                int64_t num_chunks) override;
  moe::PendingRows start_dispatch(const moe::DispatchPlan& plan,
                                  int64_t chunk,
                                  const at::Tensor& x_TD,
                                  const at::Tensor& value_TK) override;
  moe::PendingRows start_combine(const moe::DispatchPlan& plan,
                                 int64_t chunk,
                                 const at::Tensor& rows_RD,
                                 const at::Tensor& value_R) override;

 private:
  std::shared_ptr<Communicator> ep_;
};

}  // namespace hecaton::parallel
