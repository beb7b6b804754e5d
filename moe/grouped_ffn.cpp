// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/grouped_ffn.h"

#include <utility>

#include "core/config_faults.h"
#include "core/error.h"
#include "core/huge_pages.h"
#include "core/rng.h"
#include "core/shapes.h"
#include "kernels/grouped_ffn.h"
#include "moe/moe_layer_config.h"
#include "moe/registry.h"

namespace hecaton::moe {
namespace {

void check_weights(const GroupedFfnConfig& config, const ExpertWeights& weights) {
  if (weights.tensors.size() != 2) {
    throw ShapeError("GroupedFfn needs 2 weights: found " + std::to_string(weights.tensors.size()));
  }
  check_shape("up_LGD", weights.tensors[0], {-1, -1, config.hidden_size});
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
  const int64_t L = config.num_local_experts;
  const int64_t D = config.hidden_size;
  const int64_t F = config.moe_intermediate_size;
  const int64_t G = kernels::projection_width(config.activation, F);
  up_LGD_ = register_parameter("up", zeros_on_huge_pages({L, G, D}, config.dtype));
  down_LDF_ = register_parameter("down", zeros_on_huge_pages({L, D, F}, config.dtype));
  initialize_parameters(describe_parameters("moe", config.first_expert), random_seed());
}

ExpertOutput GroupedFfnImpl::forward(const kernels::IndexedRows& x,
                                     const std::vector<int64_t>& num_rows_L,
                                     const ExpertWeights& weights,
                                     bool is_training) {
  check_weights(config_, weights);
  kernels::FfnForward forward = kernels::ffn_forward(x,
                                                     weights.tensors[0],
                                                     weights.tensors[1],
                                                     num_rows_L,
                                                     config_.activation,
                                                     /*keeps_z=*/is_training);
  ExpertOutput output;
  output.y_RD = std::move(forward.y_RD);
  if (is_training) {
    output.saved.tensors = {x.source_TD, x.idx_R, std::move(forward.z_RG)};
  }
  return output;
}

ExpertInputGrads GroupedFfnImpl::backward_input(const kernels::IndexedRows& dy,
                                                const at::Tensor& score_R,
                                                const std::vector<int64_t>& num_rows_L,
                                                const ExpertWeights& weights,
                                                const ExpertSaved& saved) {
  kernels::FfnBackward backward = kernels::ffn_backward(dy,
                                                        score_R,
                                                        saved.tensors[2],
                                                        weights.tensors[0],
                                                        weights.tensors[1],
                                                        num_rows_L,
                                                        config_.activation);
  ExpertInputGrads result;
  result.dx_RD = std::move(backward.dx_RD);
  result.dscore_R = std::move(backward.dscore_R);
  result.for_weights = {std::move(backward.dz_RG), std::move(backward.a_RF)};
  return result;
}

void GroupedFfnImpl::backward_weight(const kernels::IndexedRows& dy,
                                     const ExpertInputGrads& input_grads,
                                     const std::vector<int64_t>& num_rows_L,
                                     const ExpertSaved& saved,
                                     ExpertGrads& grads) {
  kernels::ffn_weight_grads(
      {saved.tensors[0], saved.tensors[1]},
      dy,
      {.dz_RG = input_grads.for_weights[0], .a_RF = input_grads.for_weights[1]},
      num_rows_L,
      grads.sinks[0],
      grads.sinks[1]);
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
