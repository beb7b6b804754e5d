// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace hecaton {

/// Which ranks hold a copy of a parameter, and so over which axis its gradient is summed.
enum class ReplicaAxis {
  kDense,   ///< every rank of the data-parallel axis `dp` holds it
  kExpert,  ///< the ranks of `edp` that own the same experts hold it
};

/// Whether weight decay applies. Norms, biases and routers have none.
enum class DecayClass { kDecay, kNoDecay };

/// What an optimizer does differently with some parameters.
struct UpdateRule {
  double lr_scale = 1.0;                 ///< factor on the learning rate, above 0
  std::optional<double> weight_decay{};  ///< per unit of learning rate; unset: by DecayClass
  bool is_frozen = false;                ///< not trained: neither gradient nor state
};

/// What a parameter holds before it is trained.
struct InitialValue {
  enum class Kind {
    kNormal,  ///< normal numbers, a function of (seed, global name, element) alone
    kOnes,
    kKept,  ///< what its module put there
  };
  Kind kind = Kind::kNormal;
  /// Standard deviation, for kNormal. Default: GPT-2's, and every decoder's since.
  double std_dev = 0.02;
};

/// One named matrix or vector inside a stored tensor. Seeding, files and comparisons between
/// layouts know parameters by these names, whatever the memory layout around them is.
struct NamedSlice {
  std::string name;  ///< global name, for example model.layers.0.mlp.experts.7.up_proj.weight
  std::vector<int64_t> shape;  ///< its own shape; contiguous in the stored tensor
  int64_t offset = 0;          ///< first element, in elements from the start of the stored tensor
};

/// A tensor that is trained, and what the rest of the library must know about it.
struct Parameter {
  std::string name;   ///< name of the stored tensor, unique on this rank
  at::Tensor tensor;  ///< contiguous leaf that requires grad unless update.is_frozen
  ReplicaAxis replicas = ReplicaAxis::kDense;
  /// Which part of the model it belongs to, counted in the order of the forward pass: gradients are
  /// reduced unit by unit, the last one first.
  int64_t unit = 0;
  DecayClass decay = DecayClass::kDecay;
  /// Its slices are matrices inside the network: no embedding, head, norm or router.
  bool is_hidden_matrix = false;
  UpdateRule update;
  InitialValue initial;
  std::vector<NamedSlice> slices;  ///< cover the tensor without holes, in order
};

/// A parameter that is its own only slice.
Parameter whole_parameter(std::string name,
                          at::Tensor tensor,
                          DecayClass decay,
                          const InitialValue& initial = {});

/// The part of `stored` that `slice` names: a view. stored: contiguous, of the parameter's size
/// (the parameter itself, its gradient or a moment).
at::Tensor slice_view(const at::Tensor& stored, const NamedSlice& slice);

/// Sets every slice to its initial value.
void initialize_parameters(const std::vector<Parameter>& parameters, uint64_t seed);

/// Throws InternalError unless the slices of each parameter cover it exactly and no name occurs
/// twice.
void check_parameters(const std::vector<Parameter>& parameters);

}  // namespace hecaton
