// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/flat_parameters.h"

#include <map>
#include <tuple>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "core/check.h"
#include "core/shapes.h"

namespace hecaton {
namespace {

/// What the members of a group have in common.
auto group_key(const Parameter& parameter) {
  const UpdateRule& update = parameter.update;
  return std::make_tuple(parameter.unit,
                         parameter.replicas,
                         parameter.decay,
                         parameter.is_hidden_matrix,
                         update.is_frozen,
                         update.lr_scale,
                         update.weight_decay,
                         parameter.tensor.scalar_type());
}

FlatGroup make_group(const std::vector<Parameter>& parameters, const OptimizerShards& shards) {
  FlatGroup group;
  group.unit = parameters.front().unit;
  group.parameters = parameters;
  group.sinks.resize(parameters.size());
  group.replicas = parameters.front().replicas;
  group.decay = parameters.front().decay;
  group.is_hidden_matrix = parameters.front().is_hidden_matrix;
  group.update = parameters.front().update;
  std::vector<std::vector<int64_t>> shapes;
  shapes.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    shapes.push_back(parameter.tensor.sizes().vec());
  }
  const at::ScalarType dtype = parameters.front().tensor.scalar_type();
  const at::ScalarType accumulation = accumulation_dtype(dtype);
  group.shard = group.replicas == ReplicaAxis::kDense ? shards.dense : shards.experts;
  group.value = FlatBuffer(shapes, dtype, group.shard.size);
  for (int64_t i = 0; i < group.value.num_tensors(); ++i) {
    at::Tensor parameter = group.parameters[static_cast<size_t>(i)].tensor;
    at::Tensor view = group.value.view(i);
    view.copy_(parameter);
    parameter.set_data(view);
  }
  const bool is_frozen = group.update.is_frozen;
  group.grad = is_frozen ? FlatBuffer({}, accumulation) : group.value.zeros_like(accumulation);
  group.reduced_grad = is_frozen ? group.grad : group.grad.shard(group.shard);
  const FlatBuffer own = group.value.shard(group.shard);
  group.master = is_frozen || dtype == accumulation ? own : own.zeros_like(accumulation);
  return group;
}

}  // namespace

void FlatGroup::check_grads_collected() const {
  for (const GradSink& sink : sinks) {
    HECATON_CHECK(!sink.is_blank(), "collect_grads() comes before gradients are read");
  }
}

FlatParameters::FlatParameters(const std::vector<Parameter>& parameters,
                               const OptimizerShards& shards) {
  at::NoGradGuard no_grad;
  std::map<decltype(group_key(Parameter())), std::vector<Parameter>> by_key;
  for (const Parameter& parameter : parameters) {
    by_key[group_key(parameter)].push_back(parameter);
  }
  for (const auto& [key, members] : by_key) {
    groups_.push_back(make_group(members, shards));
  }
  copy_values_to_masters();
}

FlatParameters::Position FlatParameters::position_of(const at::Tensor& parameter) const {
  for (size_t group = 0; group < groups_.size(); ++group) {
    const std::vector<Parameter>& parameters = groups_[group].parameters;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].tensor.is_same(parameter)) {
        return {group, i};
      }
    }
  }
  throw InternalError("no flat buffer holds this parameter");
}

at::Tensor FlatParameters::grad_of(const at::Tensor& parameter) const {
  const Position position = position_of(parameter);
  const FlatGroup& group = groups_[position.group];
  return group.update.is_frozen ? at::Tensor()
                                : group.grad.view(static_cast<int64_t>(position.idx));
}

GradSink FlatParameters::sink_of(const at::Tensor& parameter) {
  at::Tensor grad = grad_of(parameter);
  if (!grad.defined()) {
    return {};
  }
  const Position position = position_of(parameter);
  GradSink& sink = groups_[position.group].sinks[position.idx];
  if (!sink.is_set()) {
    sink = GradSink(std::move(grad));
  }
  return sink;
}

void FlatParameters::collect_grads() {
  at::NoGradGuard no_grad;
  for (FlatGroup& group : groups_) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      GradSink& sink = group.sinks[i];
      at::Tensor sum = sink.is_set() ? sink.sum() : at::Tensor();
      at::Tensor& grad = group.parameters[i].tensor.mutable_grad();
      if (grad.defined()) {
        sum = sum.defined() ? sum : group.grad.view(static_cast<int64_t>(i));
        sum.add_(grad);
        grad.reset();
      }
    }
  }
}

void FlatParameters::zero_grads() {
  for (FlatGroup& group : groups_) {
    for (int64_t i = 0; i < group.grad.num_tensors(); ++i) {
      GradSink& sink = group.sinks[static_cast<size_t>(i)];
      if (sink.is_set()) {
        sink.make_blank();
      } else {
        group.grad.view(i).zero_();
      }
    }
  }
}

void FlatParameters::copy_masters_to_values() {
  at::NoGradGuard no_grad;
  for (FlatGroup& group : groups_) {
    if (group.has_master_copy()) {
      at::Tensor own_Z = group.value.shard(group.shard).flat_Z();
      own_Z.copy_(group.master.flat_Z());
    }
  }
}

void FlatParameters::copy_values_to_masters() {
  at::NoGradGuard no_grad;
  for (FlatGroup& group : groups_) {
    if (group.has_master_copy()) {
      at::Tensor flat_Z = group.master.flat_Z();
      flat_Z.copy_(group.value.shard(group.shard).flat_Z());
    }
  }
}

}  // namespace hecaton
