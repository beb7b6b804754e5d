// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/pimpl.h>

#include "moe/router.h"
#include "moe/router_config.h"

namespace hecaton::moe {

/// Chooses K of E experts for each token and weighs their outputs.
///
/// Formula:     logit_TE = float32(x_TD) weight_ED^T
///              score_TE = softmax of logit_TE over E, or its sigmoid
///              expert_idx_TK = positions of the K largest logit_TE, largest first
///              weight_TK = score_TE there, over their sum if norm_topk_prob, times scaling_factor;
///              with score_after_topk the score is taken of the K chosen logits alone
///              prob_TE = softmax of logit_TE, or its sigmoid over the sum of the row
/// Source:      Jiang et al. 2024, arXiv 2401.04088, section 2.1;
///              DeepSeek-AI 2024, arXiv 2412.19437, equations 13 to 15 (sigmoid);
///              Fedus et al. 2021, arXiv 2101.03961, section 2.4 (float32 in a bfloat16 model).
/// Deviations:  the choice is made among logits, which both scores keep in order, so that scores
///              which round to the same number still differ; a true tie goes to the lower expert.
///              1e-20 is added to a sum before it divides, as in DeepSeek-V3's code.
/// Replay:      an unused slot (-1) gets weight 0 and takes no part in the sum of its token.
class TopKRouterImpl : public Router {
 public:
  /// hidden_size: D, count, at least 1. dtype: the model's; the weight is float32, or float64 in a
  /// float64 model.
  /// Initial values: normal, by a seed drawn from LibTorch's generator.
  /// Errors:      ConfigError if hidden_size < 1 or config.validate() fails.
  TopKRouterImpl(int64_t hidden_size,
                 const RouterConfig& config,
                 at::ScalarType dtype = at::kFloat);

  /// Returns:     a NaN row of x_TD gets NaN weights and valid, distinct experts.
  /// Errors:      ShapeError if x_TD is not [T, D].
  /// Precision:   logits, scores, weights in float32; float64 if x_TD is float64.
  /// Parallel:    no collective.
  Routing forward(const at::Tensor& x_TD, const RoutingContext& context) override;

  int64_t num_experts() const override { return config_.num_experts; }
  int64_t num_experts_per_tok() const override { return config_.num_experts_per_tok; }
  std::vector<Parameter> describe_parameters(const std::string& prefix) override;

 private:
  at::Tensor weights_of(const at::Tensor& logit_TE,
                        const at::Tensor& score_TE,
                        const at::Tensor& expert_idx_TK) const;

  RouterConfig config_;
  at::Tensor weight_ED_;  ///< [E, D], parameter "weight"
};
TORCH_MODULE(TopKRouter);

}  // namespace hecaton::moe
