// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "moe/module_experts.h"

#include <numeric>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/error.h"
#include "core/shapes.h"

namespace hecaton::moe {
namespace {

/// The recorded forward of every expert: a leaf in, an output with its graph out.
struct Graph {
  std::vector<at::Tensor> x_L;
  std::vector<at::Tensor> y_L;
};

std::vector<at::Tensor> split_rows(const at::Tensor& rows_RD,
                                   const std::vector<int64_t>& num_rows_L) {
  return rows_RD.split_with_sizes(num_rows_L);
}

at::Tensor join_rows(const std::vector<at::Tensor>& rows_L, const at::Tensor& like_RD) {
  return rows_L.empty() ? at::zeros_like(like_RD) : at::cat(rows_L);
}

void check_counts(const at::Tensor& x_RD, const std::vector<int64_t>& num_rows_L, size_t L) {
  if (num_rows_L.size() != L) {
    throw ShapeError("num_rows_L must have one count for each of " + std::to_string(L) +
                     " experts: found " + std::to_string(num_rows_L.size()));
  }
  const int64_t sum = std::accumulate(num_rows_L.begin(), num_rows_L.end(), int64_t{0});
  if (x_RD.size(0) != sum) {
    throw ShapeError("num_rows_L must sum to the number of rows: sum=" + std::to_string(sum) +
                     " rows=" + std::to_string(x_RD.size(0)));
  }
}

/// The gradients of inputs; undefined where one needs none or does not matter.
std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& outputs,
                                  const std::vector<at::Tensor>& inputs,
                                  const std::vector<at::Tensor>& grad_outputs) {
  std::vector<at::Tensor> trained;
  for (const at::Tensor& input : inputs) {
    if (input.requires_grad()) {
      trained.push_back(input);
    }
  }
  std::vector<at::Tensor> grads(inputs.size());
  if (trained.empty()) {
    return grads;
  }
  // Backward is repeatable, as an autograd node's must be, so the inner graph is kept.
  const std::vector<at::Tensor> found = torch::autograd::grad(outputs,
                                                              trained,
                                                              grad_outputs,
                                                              /*retain_graph=*/true,
                                                              /*create_graph=*/false,
                                                              /*allow_unused=*/true);
  auto next = found.begin();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].requires_grad()) {
      grads[i] = *next++;
    }
  }
  return grads;
}

}  // namespace

ModuleExpertsImpl::ModuleExpertsImpl(int64_t num_local_experts, const Factory& factory) {
  for (int64_t l = 0; l < num_local_experts; ++l) {
    modules_L_.push_back(factory());
    register_module(std::to_string(l), modules_L_.back().ptr());
  }
}

ExpertWeights ModuleExpertsImpl::weights() const {
  return {parameters()};
}

ExpertOutput ModuleExpertsImpl::forward(const kernels::IndexedRows& x,
                                        const std::vector<int64_t>& num_rows_L,
                                        const ExpertWeights& weights,
                                        bool is_training) {
  if (!this->weights().is_same(weights)) {
    throw ShapeError("ModuleExperts can run on its own parameters alone");
  }
  const at::Tensor x_RD = x.gathered();
  check_counts(x_RD, num_rows_L, modules_L_.size());
  const at::AutoGradMode grad_mode(is_training);
  auto graph = std::make_shared<Graph>();
  std::vector<at::Tensor> y_L;
  const std::vector<at::Tensor> x_L = split_rows(x_RD, num_rows_L);
  for (size_t l = 0; l < x_L.size(); ++l) {
    const at::Tensor leaf_RD = x_L[l].detach().requires_grad_(is_training);
    const at::Tensor recorded_RD = modules_L_[l].forward(leaf_RD);
    y_L.push_back(recorded_RD.detach());
    graph->x_L.push_back(leaf_RD);
    graph->y_L.push_back(recorded_RD);
  }
  ExpertOutput output;
  output.y_RD = join_rows(y_L, x_RD);
  if (is_training) {
    output.saved.graph = std::move(graph);
  }
  return output;
}

ExpertInputGrads ModuleExpertsImpl::backward_input(const kernels::IndexedRows& dy,
                                                   const at::Tensor& score_R,
                                                   const std::vector<int64_t>& num_rows_L,
                                                   const ExpertWeights& weights,
                                                   const ExpertSaved& saved) {
  const auto graph = std::static_pointer_cast<Graph>(saved.graph);
  const at::Tensor dy_RD = dy.gathered();
  const at::Tensor weighted_RD = (dy_RD * score_R.unsqueeze(1)).to(dy_RD.scalar_type());
  std::vector<at::Tensor> inputs = graph->x_L;
  inputs.insert(inputs.end(), weights.tensors.begin(), weights.tensors.end());
  const std::vector<at::Tensor> grads =
      gradients(graph->y_L, inputs, split_rows(weighted_RD, num_rows_L));
  std::vector<at::Tensor> dx_L;
  std::vector<at::Tensor> y_L;
  for (size_t l = 0; l < graph->x_L.size(); ++l) {
    dx_L.push_back(grads[l].defined() ? grads[l] : at::zeros_like(graph->x_L[l]));
    y_L.push_back(graph->y_L[l].detach());
  }
  ExpertInputGrads result;
  result.dx_RD = join_rows(dx_L, dy_RD);
  const at::ScalarType dtype = score_R.scalar_type();
  result.dscore_R = (dy_RD.to(dtype) * join_rows(y_L, dy_RD).to(dtype)).sum(1);
  result.for_weights.assign(grads.begin() + static_cast<int64_t>(graph->x_L.size()), grads.end());
  return result;
}

void ModuleExpertsImpl::backward_weight(const kernels::IndexedRows& /*dy*/,
                                        const ExpertInputGrads& input_grads,
                                        const std::vector<int64_t>& /*num_rows_L*/,
                                        const ExpertSaved& /*saved*/,
                                        ExpertGrads& grads) {
  for (size_t i = 0; i < grads.sinks.size(); ++i) {
    if (grads.sinks[i].is_set() && input_grads.for_weights[i].defined()) {
      grads.sinks[i].sum().add_(input_grads.for_weights[i]);
    }
  }
}

std::vector<Parameter> ModuleExpertsImpl::describe_parameters(const std::string& prefix,
                                                              int64_t first_expert) {
  const InitialValue kept{InitialValue::Kind::kKept};
  std::vector<Parameter> described;
  for (size_t l = 0; l < modules_L_.size(); ++l) {
    const std::string expert =
        prefix + ".experts." + std::to_string(first_expert + static_cast<int64_t>(l));
    for (const auto& item : modules_L_[l].ptr()->named_parameters()) {
      const DecayClass decay = item.value().dim() > 1 ? DecayClass::kDecay : DecayClass::kNoDecay;
      described.push_back(whole_parameter(expert + "." + item.key(), item.value(), decay, kept));
      described.back().replicas = ReplicaAxis::kExpert;
      described.back().is_hidden_matrix = item.value().dim() == 2;
    }
  }
  return described;
}

}  // namespace hecaton::moe
