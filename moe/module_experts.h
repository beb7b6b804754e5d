// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <torch/nn/modules/container/any.h>
#include <torch/nn/pimpl.h>

#include "moe/experts.h"

namespace hecaton::moe {

/// Experts made of any module that maps [n, D] to [n, D], one per expert, run one after the other
/// and differentiated by autograd inside backward. Slower than GroupedFfn and free in shape.
///
/// Weights: the modules' own parameters, expert by expert; others are refused, because a module
///          cannot run on weights that are not its own. Frozen ones stay without gradient.
class ModuleExpertsImpl final : public Experts {
 public:
  using Factory = std::function<torch::nn::AnyModule()>;

  /// num_local_experts: L, at least 0. Calls factory L times.
  ModuleExpertsImpl(int64_t num_local_experts, const Factory& factory);

  int64_t num_local_experts() const override { return static_cast<int64_t>(modules_L_.size()); }
  ExpertWeights weights() const override;
  /// Errors: ShapeError if `weights` are not the modules' own, or num_rows_L has not one count for
  /// each module or another sum than R.
  ExpertOutput forward(const kernels::IndexedRows& x,
                       const std::vector<int64_t>& num_rows_L,
                       const ExpertWeights& weights,
                       bool is_training) override;
  ExpertInputGrads backward_input(const kernels::IndexedRows& dy,
                                  const at::Tensor& score_R,
                                  const std::vector<int64_t>& num_rows_L,
                                  const ExpertWeights& weights,
                                  const ExpertSaved& saved) override;
  void backward_weight(const kernels::IndexedRows& dy,
                       const ExpertInputGrads& input_grads,
                       const std::vector<int64_t>& num_rows_L,
                       const ExpertSaved& saved,
                       ExpertGrads& grads) override;
  /// The initial values are those that the factory gave: where layouts must agree, it must give
  /// them by the expert's global id.
  std::vector<Parameter> describe_parameters(const std::string& prefix,
                                             int64_t first_expert) override;

 private:
  std::vector<torch::nn::AnyModule> modules_L_;
};
TORCH_MODULE(ModuleExperts);

}  // namespace hecaton::moe
