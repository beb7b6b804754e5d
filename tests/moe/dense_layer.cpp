// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "tests/moe/dense_layer.h"

#include <vector>

#include <ATen/ops/argsort.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "core/error.h"

namespace hecaton::moe {
namespace {

at::Tensor activate(const at::Tensor& z_G, kernels::Activation activation) {
  switch (activation) {
    case kernels::Activation::kSwiGlu:
      return at::silu(z_G.chunk(2)[0]) * z_G.chunk(2)[1];
    case kernels::Activation::kGeGlu:
      return at::gelu(z_G.chunk(2)[0]) * z_G.chunk(2)[1];
    case kernels::Activation::kGelu:
      return at::gelu(z_G);
    case kernels::Activation::kSquaredRelu:
      return at::relu(z_G).square();
  }
  throw InternalError("unknown activation");
}

at::Tensor scores(const at::Tensor& logit, RouterScore score) {
  return score == RouterScore::kSoftmax ? at::softmax(logit, -1) : at::sigmoid(logit);
}

}  // namespace

at::Tensor dense_layer(const MoeLayerConfig& config,
                       const NamedTensors& weights,
                       const at::Tensor& x_TD,
                       const at::Tensor& expert_idx_TK) {
  const RouterConfig& router = config.router;
  const int64_t K = router.num_experts_per_tok;
  const auto expert = [&](const at::Tensor& x_D, const at::Tensor& up, const at::Tensor& down) {
    return down.mv(activate(up.mv(x_D), config.activation));
  };
  std::vector<at::Tensor> y_T;
  for (int64_t t = 0; t < x_TD.size(0); ++t) {
    const at::Tensor x_D = x_TD[t];
    const at::Tensor logit_E = weights.at("router.weight").mv(x_D);
    const at::Tensor idx_K =
        expert_idx_TK.defined()
            ? expert_idx_TK[t].to(at::kLong)
            : at::argsort(logit_E, /*stable=*/true, -1, /*descending=*/true).narrow(0, 0, K);
    at::Tensor weight_K = router.score_after_topk
                              ? scores(logit_E.index_select(0, idx_K), router.score)
                              : scores(logit_E, router.score).index_select(0, idx_K);
    if (router.norm_topk_prob) {
      weight_K = weight_K / weight_K.sum();
    }
    at::Tensor y_D = at::zeros_like(x_D);
    for (int64_t k = 0; k < K; ++k) {
      const int64_t e = idx_K[k].item<int64_t>();
      y_D = y_D + router.scaling_factor * weight_K[k] *
                      expert(x_D, weights.at("experts.up")[e], weights.at("experts.down")[e]);
    }
    if (config.shared_expert_intermediate_size > 0) {
      y_D = y_D + expert(x_D, weights.at("shared_expert.up"), weights.at("shared_expert.down"));
    }
    y_T.push_back(y_D);
  }
  return at::stack(y_T);
}

NamedTensors double_leaves(const MoeLayer& layer) {
  NamedTensors leaves;
  for (const auto& [name, parameter] : parameters_of(*layer)) {
    leaves[name] = parameter.detach().to(at::kDouble, /*non_blocking=*/false, /*copy=*/true);
    leaves[name].requires_grad_();
  }
  return leaves;
}

}  // namespace hecaton::moe
