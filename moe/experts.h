// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn/module.h>

#include "core/grad_sink.h"
#include "core/parameter.h"
#include "kernels/indexed_rows.h"

namespace hecaton::moe {

/// The weights of L experts: the module's own parameters, an owned shard or copies from elsewhere.
/// What each tensor is belongs to the kind of experts: stacks of L matrices for GroupedFfn, the
/// parameters of one module after the other for ModuleExperts.
struct ExpertWeights {
  std::vector<at::Tensor> tensors;

  /// Whether these are the very tensors of `other`.
  bool is_same(const ExpertWeights& other) const {
    return std::equal(
        tensors.begin(),
        tensors.end(),
        other.tensors.begin(),
        other.tensors.end(),
        [](const at::Tensor& own, const at::Tensor& others) { return own.is_same(others); });
  }
};

/// Accumulators for the gradients of ExpertWeights, in the same order and shapes; float32, or
/// float64 for float64 weights; not set where no gradient is wanted.
struct ExpertGrads {
  std::vector<GradSink> sinks;
};

/// What backward needs of a forward. tensors are plain; graph holds what cannot be saved as
/// tensors.
struct ExpertSaved {
  std::vector<at::Tensor> tensors;
  std::shared_ptr<void> graph;
};

/// Result of Experts::forward().
struct ExpertOutput {
  at::Tensor y_RD;    ///< [R, D]
  ExpertSaved saved;  ///< empty unless asked for
};

/// Result of Experts::backward_input().
struct ExpertInputGrads {
  at::Tensor dx_RD;                     ///< [R, D]
  at::Tensor dscore_R;                  ///< [R] float: gradient of each row's score
  std::vector<at::Tensor> for_weights;  ///< what backward_weight() goes on with
};

/// The experts of a layer that live on this rank. Functional in their weights: forward and backward
/// work on the weights they are handed, so a layer can run on copies of other ranks' experts; a
/// kind that cannot refuses them.
///
/// Rows stand in the order of experts, num_rows_L of them each; zero rows are a normal size.
/// Nothing here records autograd; MoeLayer does. All of it is free of collectives.
class Experts : public torch::nn::Module {
 public:
  /// L, experts that it has weights of its own for.
  virtual int64_t num_local_experts() const = 0;
  /// The module's own parameters.
  virtual ExpertWeights weights() const = 0;

  /// x: R rows; gathered() of it is a matrix, [R, D]. is_training: whether backward will follow and
  /// `saved` is wanted.
  virtual ExpertOutput forward(const kernels::IndexedRows& x,
                               const std::vector<int64_t>& num_rows_L,
                               const ExpertWeights& weights,
                               bool is_training) = 0;

  /// dy: R rows, gradient of the layer's output at each row's token, *not* multiplied by the score;
  /// score_R: [R] float, the weight with which each row's output was summed.
  virtual ExpertInputGrads backward_input(const kernels::IndexedRows& dy,
                                          const at::Tensor& score_R,
                                          const std::vector<int64_t>& num_rows_L,
                                          const ExpertWeights& weights,
                                          const ExpertSaved& saved) = 0;

  /// Adds the gradients of the weights whose sink is set, to GradSink::sum() or, if it can, by
  /// writing into a blank one. An expert without rows adds nothing.
  virtual void backward_weight(const kernels::IndexedRows& dy,
                               const ExpertInputGrads& input_grads,
                               const std::vector<int64_t>& num_rows_L,
                               const ExpertSaved& saved,
                               ExpertGrads& grads) = 0;

  /// What it trains. first_expert: global id of the first local expert.
  virtual std::vector<Parameter> describe_parameters(const std::string& prefix,
                                                     int64_t first_expert) = 0;

  /// From now on the gradients of the module's own weights go here, in the order of
  /// weights().tensors; an empty list turns sinks off. Errors: InternalError in backward if there
  /// are sinks and they are not as many as the weights.
  void set_grad_sinks(std::vector<GradSink> sinks) { sinks_ = std::move(sinks); }
  const std::vector<GradSink>& grad_sinks() const { return sinks_; }

 private:
  std::vector<GradSink> sinks_;
};

}  // namespace hecaton::moe
