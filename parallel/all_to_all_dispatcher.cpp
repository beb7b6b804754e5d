// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "parallel/all_to_all_dispatcher.h"

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>

#include "core/error.h"
#include "kernels/permute.h"
#include "parallel/detail/row_order.h"

namespace hecaton::parallel {
namespace {

/// How the rows of one chunk travel. They leave sorted by expert, so by rank; they arrive sorted by
/// rank, then expert; the experts want them by expert, then rank.
struct Exchange {
  std::vector<int64_t> num_sent_P;
  std::vector<int64_t> num_received_P;
  detail::RowOrder order;
};

struct AllToAllPlan final : moe::DispatchPlan {
  std::vector<Exchange> exchanges;  ///< per chunk
};

const Exchange& exchange_of(const moe::DispatchPlan& plan, int64_t chunk) {
  return static_cast<const AllToAllPlan&>(plan).exchanges[static_cast<size_t>(chunk)];
}

std::vector<int64_t> times(const std::vector<int64_t>& counts, int64_t factor) {
  std::vector<int64_t> products;
  products.reserve(counts.size());
  for (const int64_t count : counts) {
    products.push_back(count * factor);
  }
  return products;
}

/// The part of a transfer that is under way: one exchange of rows, one of numbers.
struct Transfer {
  moe::Rows rows;
  Handle rows_done;
  Handle values_done;

  void wait() {
    rows_done.wait();
    values_done.wait();
  }
};

Transfer start_transfer(Communicator& ep,
                        const moe::Rows& rows,
                        const std::vector<int64_t>& num_sent_P,
                        const std::vector<int64_t>& num_received_P) {
  const int64_t R = std::accumulate(num_received_P.begin(), num_received_P.end(), int64_t{0});
  const at::Tensor& sent_RD = rows.rows.source_TD;
  const int64_t D = sent_RD.size(1);
  Transfer transfer;
  at::Tensor& received_RD = transfer.rows.rows.source_TD;
  received_RD = at::empty({R, D}, sent_RD.options());
  transfer.rows_done = ep.all_to_all_v_async(
      sent_RD.view({-1}), received_RD.view({-1}), times(num_sent_P, D), times(num_received_P, D));
  if (rows.value_R.defined()) {
    transfer.rows.value_R = at::empty({R}, rows.value_R.options());
    transfer.values_done =
        ep.all_to_all_v_async(rows.value_R, transfer.rows.value_R, num_sent_P, num_received_P);
  }
  return transfer;
}

moe::Rows reordered(const moe::Rows& rows, const at::Tensor& idx_R) {
  moe::Rows result;
  result.rows.source_TD = kernels::permute_rows(rows.rows.source_TD, idx_R);
  if (rows.value_R.defined()) {
    result.value_R = rows.value_R.index_select(0, idx_R);
  }
  return result;
}

}  // namespace

AllToAllDispatcher::AllToAllDispatcher(std::shared_ptr<Communicator> ep) : ep_(std::move(ep)) {}

moe::ExpertRange AllToAllDispatcher::local_experts(int64_t num_experts) const {
  if (num_experts % ep_->size() != 0) {
    throw ConfigError("parallel.ep = " + std::to_string(ep_->size()) +
                      ": must divide moe.num_experts=" + std::to_string(num_experts));
  }
  const int64_t count = num_experts / ep_->size();
  return {ep_->rank() * count, count};
}

std::shared_ptr<const moe::DispatchPlan> AllToAllDispatcher::plan(const moe::Routing& routing,
                                                                  int64_t num_chunks) {
  const int64_t num_ranks = ep_->size();
  const moe::ExpertRange experts = local_experts(routing.num_tokens_E.size(0));
  const int64_t L = experts.count;
  moe::SortedChunks sorted = moe::sort_chunks(routing, num_chunks);

  // [P, chunks, L] on both sides: what each rank is sent, and what each rank sends here.
  const at::Tensor sent_PXL =
      at::stack(sorted.num_rows_E).view({num_chunks, num_ranks, L}).transpose(0, 1).contiguous();
  at::Tensor received_PXL = at::empty_like(sent_PXL);
  const std::vector<int64_t> counts_P(static_cast<size_t>(num_ranks), num_chunks * L);
  ep_->all_to_all_v(sent_PXL.view({-1}), received_PXL.view({-1}), counts_P, counts_P);

  auto plan = std::make_shared<AllToAllPlan>();
  plan->expert_id_L.resize(static_cast<size_t>(L));
  std::iota(plan->expert_id_L.begin(), plan->expert_id_L.end(), experts.first);
  for (int64_t c = 0; c < num_chunks; ++c) {
    const at::Tensor sent_P = sent_PXL.select(1, c).sum(1);
    const at::Tensor received_PL = received_PXL.select(1, c).contiguous();
    const at::Tensor received_P = received_PL.sum(1);
    const at::Tensor received_L = received_PL.sum(0);
    const auto to_vector = [](const at::Tensor& counts) {
      const int64_t* data = counts.const_data_ptr<int64_t>();
      return std::vector<int64_t>(data, data + counts.numel());
    };
    Exchange exchange;
    exchange.num_sent_P = to_vector(sent_P);
    exchange.num_received_P = to_vector(received_P);
    exchange.order = detail::order_by_expert(received_PL);
    plan->exchanges.push_back(std::move(exchange));
    moe::DispatchChunk& chunk = sorted.chunks[static_cast<size_t>(c)];
    chunk.num_rows_L = to_vector(received_L);
    plan->chunks.push_back(std::move(chunk));
  }
  return plan;
}

moe::PendingRows AllToAllDispatcher::start_dispatch(const moe::DispatchPlan& plan,
                                                    int64_t chunk,
                                                    const at::Tensor& x_TD,
                                                    const at::Tensor& value_TK) {
  const Exchange& exchange = exchange_of(plan, chunk);
  Transfer transfer =
      start_transfer(*ep_,
                     moe::leaving_rows(plan.chunks[static_cast<size_t>(chunk)], x_TD, value_TK),
                     exchange.num_sent_P,
                     exchange.num_received_P);
  return moe::PendingRows(
      [transfer, received_of_row_R = exchange.order.received_of_row_R]() mutable {
        transfer.wait();
        return reordered(transfer.rows, received_of_row_R);
      });
}

moe::PendingRows AllToAllDispatcher::start_combine(const moe::DispatchPlan& plan,
                                                   int64_t chunk,
                                                   const at::Tensor& rows_RD,
                                                   const at::Tensor& value_R) {
  const Exchange& exchange = exchange_of(plan, chunk);
  Transfer transfer =
      start_transfer(*ep_,
                     reordered({{rows_RD}, value_R}, exchange.order.row_of_received_R),
                     exchange.num_received_P,
                     exchange.num_sent_P);
  return moe::PendingRows([transfer]() mutable {
    transfer.wait();
    return transfer.rows;
  });
}

}  // namespace hecaton::parallel
