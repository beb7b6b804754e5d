// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/nn/pimpl.h>

#include "kernels/activation.h"
#include "moe/experts.h"

namespace hecaton::moe {

/// Sizes of GroupedFfn.
struct GroupedFfnConfig {
  int64_t num_local_experts = 1;      ///< L, at least 0
  int64_t first_expert = 0;           ///< global id of the first: initial values belong to it
  int64_t hidden_size = 1;            ///< D, at least 1
  int64_t moe_intermediate_size = 1;  ///< F, at least 1
  kernels::Activation activation = kernels::Activation::kSwiGlu;
  at::ScalarType dtype = at::kFloat;  ///< float32, bfloat16 or float64
};

/// Feed-forward experts as grouped GEMMs.
///
/// Formula:     y = act(x up^T) down^T, with up = (gate, up) stacked for a gated activation
/// Weights:     {up_LGD, down_LDF}, no biases. The gate, up and down matrices of each expert have
///              global names of their own: <prefix>.experts.<e>.{gate,up,down}_proj.weight.
/// Saved:       x, without a copy of its own, and the pre-activations z_RG; no output of an expert.
class GroupedFfnImpl final : public Experts {
 public:
  /// Initial values: normal, by a seed drawn from LibTorch's generator and the experts' global ids.
  /// Errors: ConfigError for sizes out of range.
  explicit GroupedFfnImpl(const GroupedFfnConfig& config);

  int64_t num_local_experts() const override { return config_.num_local_experts; }
  ExpertWeights weights() const override { return {{up_LGD_, down_LDF_}}; }
  /// Errors: ShapeError if weights are not {up_LGD, down_LDF} with this D, or x has another D or
  /// dtype.
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
  std::vector<Parameter> describe_parameters(const std::string& prefix,
                                             int64_t first_expert) override;

 private:
  GroupedFfnConfig config_;
  at::Tensor up_LGD_;    ///< [L, G, D], parameter "up"; gate rows first
  at::Tensor down_LDF_;  ///< [L, D, F], parameter "down"
};
TORCH_MODULE(GroupedFfn);

}  // namespace hecaton::moe
