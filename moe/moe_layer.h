// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>
#include <torch/nn/modules/common.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/pimpl.h>

#include "core/parameter.h"
#include "moe/aux_loss.h"
#include "moe/capacity.h"
#include "moe/dispatcher.h"
#include "moe/experts.h"
#include "moe/ffn.h"
#include "moe/moe_layer_config.h"
#include "moe/router.h"

namespace hecaton::moe {

/// What happened in the last forward of a layer, on this rank.
struct LoadStats {
  at::Tensor num_tokens_E;  ///< [E] int64: slots that each expert took from this rank's tokens
  int64_t num_tokens = 0;   ///< valid tokens on this rank
  int64_t num_dropped = 0;  ///< slots that the capacity turned away
  /// This rank's shares of the losses by their types, before the coefficients; empty in evaluation.
  std::map<std::string, double> losses;
};

/// A Mixture-of-Experts layer: routes every token to K of E experts and sums their weighted
/// outputs.
///
/// Formula:     y = sum over k of weight_tk * expert_{idx_tk}(x_t) + shared(x_t)
/// Source:      Shazeer et al. 2017, arXiv 1701.06538, equation 1; Dai et al. 2024, arXiv
///              2401.06066, section 3.2 (shared expert).
///
/// A plain torch::nn::Module: a tensor in, a tensor out, in any LibTorch model. Router weights,
/// dispatcher and experts are driven by one autograd Function, which saves inputs, pre-activations,
/// scores and index vectors, not the experts' outputs. Routing losses are part of the output's
/// gradient; nothing has to be added to the model's own loss.
class MoeLayerImpl final : public torch::nn::Module {
 public:
  /// Every expert on this process. Initial weights are drawn by LibTorch's generator, as
  /// torch::manual_seed() decides. Errors: ConfigError if config.validate() fails.
  explicit MoeLayerImpl(const MoeLayerConfig& config);
  /// The experts are where `dispatcher` says. Ranks whose generators stand alike get the same
  /// router and shared expert, and the experts that one process would have; initialize() needs no
  /// such care.
  MoeLayerImpl(const MoeLayerConfig& config, const std::shared_ptr<Dispatcher>& dispatcher);
  /// From parts of the user's own. shared: may be empty. experts must be those that
  /// dispatcher->local_experts() names. Errors: ConfigError if they are more or fewer.
  MoeLayerImpl(std::shared_ptr<Router> router,
               std::shared_ptr<Experts> experts,
               Ffn shared,
               std::shared_ptr<Dispatcher> dispatcher,
               CapacityConfig capacity,
               const std::vector<RoutingLossConfig>& losses);

  /// x:           [..., D], dtype of the experts, CPU; every leading dim counts tokens. Zero tokens
  ///              are fine.
  /// Returns:     same shape and dtype; padding (context.valid_T false) gets zeros whatever x holds
  ///              there.
  /// Errors:      ShapeError if x is not [..., D] or has another dtype, a context tensor has not T
  ///              elements or another dtype, or context.replay is of other tokens. InternalError if
  ///              a router decides for another number of tokens than it was given.
  /// Gradient:    to x and all parameters; once, not twice.
  /// Precision:   docs/numerics.md.
  /// Determinism: bitwise from run to run on one layout.
  /// Parallel:    the dispatcher's exchanges and the counts of losses and capacity; every rank of
  ///              the micro-batch must call it, also with zero tokens.
  at::Tensor forward(const at::Tensor& x, const RoutingContext& context = {});

  /// The same on other weights than the experts' own, of the same shapes; their gradients go to
  /// them.
  at::Tensor forward_with(const at::Tensor& x,
                          const RoutingContext& context,
                          const ExpertWeights& weights);

  /// Cuts the tokens into this many ranges whose exchanges and experts run one after the other. The
  /// result does not depend on it beyond rounding. Errors: ConfigError if it is below 1.
  void set_num_chunks(int64_t num_chunks);

  /// Whether a training forward keeps nothing of tokens and experts but its input and its routing
  /// decision, and backward computes the rest again, tokens' way to the experts included. Changes
  /// memory and time, no bit of any number. The layer must then live until backward.
  void set_recompute(bool is_recomputed) { is_recomputed_ = is_recomputed; }

  /// Of the last forward that was no recomputation, as is last_routing().
  const LoadStats& stats() const { return stats_; }
  /// The decision after capacity, for valid tokens alone, detached; logit_TE is left out, to free
  /// its memory after backward. replayable() of it is what a recomputation of the same tokens
  /// replays.
  const Routing& last_routing() const { return last_routing_; }
  /// Routing::next_state of the last forward, a recomputation or not; undefined the second time.
  at::Tensor take_next_state() { return std::move(next_state_); }
  Router& router() { return *router_; }
  Experts& experts() { return *experts_; }
  /// prefix: the global name in front, for example "model.layers.0.mlp".
  std::vector<Parameter> describe_parameters(const std::string& prefix);
  /// Sets every weight to its initial value by (seed, global name, element): the same on any layout
  /// of ranks.
  void initialize(const std::string& prefix, uint64_t seed);

 protected:
  // A torch::nn::Sequential calls forward with x alone.
  FORWARD_HAS_DEFAULT_ARGS({1, torch::nn::AnyValue(RoutingContext())})

 private:
  at::Tensor forward_and_forget(const at::Tensor& x,
                                const RoutingContext& context,
                                const ExpertWeights& weights);
  at::Tensor forward_now(const at::Tensor& x,
                         const RoutingContext& context,
                         const ExpertWeights& weights);
  /// x_TD: valid tokens alone.
  at::Tensor forward_tokens(const at::Tensor& x_TD,
                            const RoutingContext& context,
                            const ExpertWeights& weights);

  std::shared_ptr<Router> router_;
  std::shared_ptr<Experts> experts_;
  Ffn shared_{nullptr};
  std::shared_ptr<Dispatcher> dispatcher_;
  CapacityConfig capacity_;
  std::vector<WeightedRoutingLoss> losses_;
  int64_t num_chunks_ = 1;
  bool is_recomputed_ = false;
  LoadStats stats_;
  Routing last_routing_;
  at::Tensor next_state_;
};
TORCH_MODULE(MoeLayer);

}  // namespace hecaton::moe
