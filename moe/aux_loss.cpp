// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/aux_loss.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/ones_like.h>
#include <torch/csrc/autograd/custom_function.h>

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

/// Numbers over all ranks of the micro-batch.
struct MicroBatchCounts {
  at::Tensor num_tokens_E;
  int64_t num_tokens;
};

MicroBatchCounts micro_batch_counts(const RoutingContext& context, const Routing& routing) {
  const int64_t E = routing.num_tokens_E.size(0);
  const at::Tensor tokens_1 =
      at::full({1}, routing.expert_idx_TK.size(0), routing.num_tokens_E.options());
  at::Tensor counts = at::cat({routing.num_tokens_E, tokens_1});
  if (context.counts != nullptr) {
    counts = context.counts->sum(counts);
  }
  return {counts.narrow(0, 0, E), counts[E].item<int64_t>()};
}

at::Tensor switch_share(const MicroBatchCounts& counts, const Routing& routing, double divisor) {
  const auto E = static_cast<double>(routing.num_tokens_E.size(0));
  const auto num_slots = static_cast<double>(counts.num_tokens * routing.expert_idx_TK.size(1));
  const at::Tensor fraction_E =
      counts.num_tokens_E.to(routing.prob_TE.scalar_type()) / std::max(num_slots, 1.0);
  return (fraction_E * routing.prob_TE.sum(0)).sum() * (E / divisor);
}

at::Tensor z_share(const Routing& routing, double divisor) {
  return at::logsumexp(routing.logit_TE, -1).square().sum() / divisor;
}

}  // namespace

void RoutingLossConfig::collect_faults(ConfigFaults& faults) const {
  faults.require(std::isfinite(coef) && coef >= 0.0, "coef", coef, "must be finite and at least 0");
}

RoutingLossShares routing_losses(const std::vector<RoutingLossConfig>& configs,
                                 const RoutingContext& context,
                                 const Routing& routing) {
  RoutingLossShares shares;
  if (configs.empty()) {
    return shares;
  }
  const bool has_switch = std::any_of(configs.begin(), configs.end(), [](const auto& config) {
    return config.type == RoutingLossType::kSwitch;
  });
  MicroBatchCounts counts{};
  if (has_switch || context.num_loss_tokens == 0) {
    counts = micro_batch_counts(context, routing);
  }
  const int64_t num_tokens =
      context.num_loss_tokens > 0 ? context.num_loss_tokens : counts.num_tokens;
  const double divisor = std::max(static_cast<double>(num_tokens), 1.0);
  for (const RoutingLossConfig& config : configs) {
    const bool is_switch = config.type == RoutingLossType::kSwitch;
    const at::Tensor share =
        is_switch ? switch_share(counts, routing, divisor) : z_share(routing, divisor);
    (is_switch ? shares.switch_loss : shares.z_loss) += share.item<double>();
    const at::Tensor scaled = share * config.coef;
    shares.total = shares.total.defined() ? shares.total + scaled : scaled;
  }
  return shares;
}

at::Tensor attach_loss(const at::Tensor& y, const at::Tensor& loss) {
  return loss.defined() ? AttachLoss::apply(y, loss) : y;
}

}  // namespace hecaton::moe
