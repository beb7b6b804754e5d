// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/aux_loss.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include "moe/registry.h"

namespace hecaton::moe {
namespace {

struct AttachLoss : torch::autograd::Function<AttachLoss> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx,
                            const at::Tensor& y,
                            const at::Tensor& loss) {
    ctx->saved_data["options"] = at::zeros_like(loss);
    return y.detach();  // the same memory; y itself could not be changed in place afterwards
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    return {grads[0], at::ones_like(ctx->saved_data["options"].toTensor())};
  }
};

/// Used slots per expert, then tokens, over all ranks of the micro-batch: [E + 1] int64.
at::Tensor micro_batch_counts(const RoutingContext& context, const Routing& routing) {
  if (context.phase == Phase::kRecompute && context.replay != nullptr &&
      context.replay->micro_batch_counts.defined()) {
    return context.replay->micro_batch_counts;
  }
  const at::Tensor tokens_1 =
      at::full({1}, routing.expert_idx_TK.size(0), routing.num_tokens_E.options());
  const at::Tensor counts = at::cat({routing.num_tokens_E, tokens_1});
  return context.counts != nullptr ? context.counts->sum(counts) : counts;
}

}  // namespace

void RoutingLossConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(std::isfinite(coef) && coef >= 0.0, "coef", coef, "must be finite and at least 0");
  collect_component_faults(*this, faults);
}

RoutingLossShares routing_losses(const std::vector<WeightedRoutingLoss>& losses,
                                 const RoutingContext& context,
                                 const Routing& routing) {
  RoutingLossShares shares;
  if (losses.empty()) {
    return shares;
  }
  RoutingLossInput input{.routing = routing, .context = context};
  const bool reads_counts = std::any_of(
      losses.begin(), losses.end(), [](const auto& entry) { return entry.loss->reads_counts(); });
  if (reads_counts || context.num_loss_tokens == 0) {
    shares.micro_batch_counts = micro_batch_counts(context, routing);
    input.num_tokens_E = shares.micro_batch_counts.slice(0, 0, -1);
    input.num_tokens = shares.micro_batch_counts[-1].item<int64_t>();
  }
  const int64_t num_tokens =
      context.num_loss_tokens > 0 ? context.num_loss_tokens : input.num_tokens;
  input.divisor = std::max(static_cast<double>(num_tokens), 1.0);
  for (const WeightedRoutingLoss& entry : losses) {
    const at::Tensor share = entry.loss->share(input);
    shares.by_type[entry.type] += share.item<double>();
    const at::Tensor scaled = share * entry.coef;
    shares.total = shares.total.defined() ? shares.total + scaled : scaled;
  }
  return shares;
}

at::Tensor attach_loss(const at::Tensor& y, const at::Tensor& loss) {
  return loss.defined() ? AttachLoss::apply(y, loss) : y;
}

}  // namespace hecaton::moe
