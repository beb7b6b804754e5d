// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/grouped_ffn.h"

#include <utility>

#include <ATen/ops/zeros.h>

#include "core/config_faults.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/shapes.h"
#include "kernels/grouped_gemm.h"
#include "moe/moe_layer_config.h"
#include "moe/registry.h"

namespace hecaton::moe {
namespace {

void check_weights(const GroupedFfnConfig& config,
                   const at::Tensor& x_RD,
                   int64_t L,
                   const ExpertWeights& weights) {
  if (weights.tensors.size() != 2) {
    throw ShapeError("GroupedFfn needs 2 weights: found " + std::to_string(weights.tensors.size()));
  }
  const int64_t D = config.hidden_size;
  const at::Tensor& up_LGD = weights.tensors[0];
  const at::Tensor& down_LDF = weights.tensors[1];
  check_shape("up_LGD", up_LGD, {L, -1, D});
  const int64_t F = up_LGD.size(1) / kernels::projection_width(config.activation, 1);
  check_shape("down_LDF", down_LDF, {L, D, F});
  check_shape("x_RD", x_RD, {-1, D});
  check_dtype("x_RD", x_RD, up_LGD.scalar_type());
}

}  // namespace

GroupedFfnImpl::GroupedFfnImpl(const GroupedFfnConfig& config) : config_(config) {
  ConfigFaults faults("experts");
  faults.require(config.num_local_experts >= 0,
                 "num_local_experts",
                 config.num_local_experts,
                 "must be at least 0");
  faults.require(config.hidden_size >= 1, "hidden_size", config.hidden_size, "must be at least 1");
  faults.require(config.moe_intermediate_size >= 1,
                 "moe_intermediate_size",
                 config.moe_intermediate_size,
                 "must be at least 1");
  faults.throw_if_any();
  const auto options = at::TensorOptions().dtype(config.dtype);
  const int64_t L = config.num_local_experts;
  const int64_t D = config.hidden_size;
  const int64_t F = config.moe_intermediate_size;
  const int64_t G = kernels::projection_width(config.activation, F);
  up_LGD_ = register_parameter("up", at::zeros({L, G, D}, options));
  down_LDF_ = register_parameter("down", at::zeros({L, D, F}, options));
  initialize_parameters(describe_parameters("moe", config.first_expert), random_seed());
}

ExpertOutput GroupedFfnImpl::forward(const at::Tensor& x_RD,
                                     const std::vector<int64_t>& num_rows_L,
                                     const ExpertWeights& weights,
                                     bool is_training) {
  check_weights(config_, x_RD, static_cast<int64_t>(num_rows_L.size()), weights);
  const at::Tensor z_RG = kernels::grouped_gemm(x_RD, weights.tensors[0], num_rows_L);
  const at::Tensor a_RF = kernels::activation_forward(z_RG, config_.activation);
  ExpertOutput output;
  output.y_RD = kernels::grouped_gemm(a_RF, weights.tensors[1], num_rows_L);
  if (is_training) {
    output.saved.tensors = {x_RD, z_RG};
  }
  return output;
}

ExpertInputGrads GroupedFfnImpl::backward_input(const at::Tensor& dy_RD,
                                                const at::Tensor& score_R,
                                                const std::vector<int64_t>& num_rows_L,
                                                const ExpertWeights& weights,
                                                const ExpertSaved& saved) {
  const at::Tensor da_RF = kernels::grouped_gemm_input_grad(dy_RD, weights.tensors[1], num_rows_L);
  kernels::ActivationGrads grads =
      kernels::activation_backward(saved.tensors[1], da_RF, score_R, config_.activation);
  ExpertInputGrads result;
  result.dx_RD = kernels::grouped_gemm_input_grad(grads.dz_RG, weights.tensors[0], num_rows_L);
  result.dscore_R = std::move(grads.dscore_R);
  result.for_weights = {std::move(grads.dz_RG), std::move(grads.a_RF)};
  return result;
}

void GroupedFfnImpl::backward_weight(const at::Tensor& dy_RD,
                                     const ExpertInputGrads& input_grads,
                                     const std::vector<int64_t>& num_rows_L,
                                     const ExpertSaved& saved,
                                     ExpertGrads& grads) {
  const at::Tensor& dz_RG = input_grads.for_weights[0];
  const at::Tensor& a_RF = input_grads.for_weights[1];  // carries the score
  if (grads.tensors[0].defined()) {
    kernels::grouped_gemm_weight_grad(dz_RG, saved.tensors[0], num_rows_L, grads.tensors[0]);
  }
  if (grads.tensors[1].defined()) {
    kernels::grouped_gemm_weight_grad(dy_RD, a_RF, num_rows_L, grads.tensors[1]);
  }
}

std::vector<Parameter> GroupedFfnImpl::describe_parameters(const std::string& prefix,
                                                           int64_t first_expert) {
  const int64_t D = config_.hidden_size;
  const int64_t F = config_.moe_intermediate_size;
  Parameter up;
  up.name = prefix + ".experts.up";
  up.tensor = up_LGD_;
  Parameter down;
  down.name = prefix + ".experts.down";
  down.tensor = down_LDF_;
  for (int64_t l = 0; l < config_.num_local_experts; ++l) {
    const std::string expert = prefix + ".experts." + std::to_string(first_expert + l);
    int64_t offset = l * up_LGD_.size(1) * D;
    if (kernels::is_gated(config_.activation)) {
      up.slices.push_back({expert + ".gate_proj.weight", {F, D}, offset});
      offset += F * D;
    }
    up.slices.push_back({expert + ".up_proj.weight", {F, D}, offset});
    down.slices.push_back({expert + ".down_proj.weight", {D, F}, l * D * F});
  }
  for (Parameter* parameter : {&up, &down}) {
    parameter->replicas = ReplicaAxis::kExpert;
    parameter->is_hidden_matrix = true;
  }
  return {up, down};
}

void register_grouped_ffn(Components& components) {
  components.experts.add("ffn", [](const MoeLayerConfig& layer, OptionReader&) {
    return [&layer](ExpertRange local) {
      return GroupedFfn(GroupedFfnConfig{.num_local_experts = local.count,
                                         .first_expert = local.first,
                                         .hidden_size = layer.hidden_size,
                                         .moe_intermediate_size = layer.moe_intermediate_size,
                                         .activation = layer.activation,
                                         .dtype = layer.dtype})
          .ptr();
    };
  });
}

}  // namespace hecaton::moe
