// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/flat_buffer.h"
#include "core/grad_sink.h"
#include "core/parameter.h"
#include "core/shapes.h"

namespace hecaton {

/// Which part of the optimizer's work is this rank's, by the axis of the parameters: ranks that
/// hold copies of a parameter may each hold the master and the state of a part of it alone.
///
/// Source:      Rajbhandari et al. 2020, arXiv 1910.02054, section 5 (ZeRO).
struct OptimizerShards {
  ShardPlace dense;    ///< among the holders of the dense parameters
  ShardPlace experts;  ///< among the holders of the same experts
};

/// Parameters of one unit that share dtype, replica axis and treatment by the optimizer, in flat
/// buffers: what a gradient reduction, the norm and the optimizer work on.
struct FlatGroup {
  ReplicaAxis replicas = ReplicaAxis::kDense;
  int64_t unit = 0;
  DecayClass decay = DecayClass::kDecay;
  bool is_hidden_matrix = false;
  UpdateRule update;
  std::vector<Parameter> parameters;  ///< in the order of the buffers
  FlatBuffer value;  ///< the parameters themselves: each parameter's tensor is a view into it
  ShardPlace shard;  ///< this rank's part of the optimizer's work on it
  /// This rank's shard: a float32 copy of bfloat16 parameters that are trained, otherwise memory of
  /// `value` itself.
  FlatBuffer master;
  /// The accumulator of this rank's gradient: float32, or float64 for float64 parameters. Holds no
  /// tensor and no element if the group is frozen.
  FlatBuffer grad;
  /// This rank's shard of `grad`, whose memory it shares: after a reduction the sum over all ranks,
  /// which the norm and the optimizer read.
  FlatBuffer reduced_grad;

  /// Handed out by FlatParameters::sink_of(); not set for other parameters. Where one is blank, the
  /// numbers in `grad` mean nothing.
  std::vector<GradSink> sinks;

  /// Throws InternalError if a sink is blank: FlatParameters::collect_grads() was left out.
  void check_grads_collected() const;

  bool has_master_copy() const { return master.flat_Z().dtype() != value.flat_Z().dtype(); }
};

/// Calls use(slice, begin, values) for every named slice of which `buffer`, a buffer of `group` or
/// a shard of one, holds something: `values`, one-dimensional, are elements [begin, begin + numel)
/// of the slice.
template <typename Use>
void for_each_slice(const FlatGroup& group, const FlatBuffer& buffer, const Use& use) {
  for (int64_t i = 0; i < buffer.num_tensors(); ++i) {
    const FlatBuffer::Part part = buffer.part(i);
    const int64_t part_end = part.begin + part.values.numel();
    for (const NamedSlice& slice : group.parameters[static_cast<size_t>(i)].slices) {
      const int64_t begin = std::max(slice.offset, part.begin);
      const int64_t end = std::min(slice.offset + num_elements(slice.shape), part_end);
      if (begin < end) {
        use(slice, begin - slice.offset, part.values.narrow(0, begin - part.begin, end - begin));
      }
    }
  }
}

/// Moves parameters into flat buffers and gathers their gradients there.
///
/// Source:      Micikevicius et al. 2017, arXiv 1710.03740, section 3.1 (float32 masters).
class FlatParameters {
 public:
  /// Moves the storage of every parameter into a flat buffer (values are kept, the tensors stay the
  /// same objects) and takes float32 masters of bfloat16 ones. Groups come in the order of units.
  explicit FlatParameters(const std::vector<Parameter>& parameters,
                          const OptimizerShards& shards = {});

  std::vector<FlatGroup>& groups() { return groups_; }
  const std::vector<FlatGroup>& groups() const { return groups_; }

  /// The accumulator of one parameter, in its shape; undefined if the parameter is frozen.
  /// Errors: InternalError if it is not held here.
  at::Tensor grad_of(const at::Tensor& parameter) const;
  /// grad_of() as a sink, not set if the parameter is frozen. From now on zero_grads() makes it
  /// blank instead of writing zeros. Errors: as grad_of().
  GradSink sink_of(const at::Tensor& parameter);

  /// Adds every `.grad()` to its accumulator and clears it, and writes zeros where a sink is still
  /// blank. Call after each backward: a low-precision gradient then never accumulates over
  /// micro-batches.
  void collect_grads();
  /// Begins new sums. What no backward has reached by the next collect_grads() is zero then.
  void zero_grads();

  /// Rounds the masters into this rank's shard of the parameters, after the masters were changed.
  void copy_masters_to_values();
  /// Takes new masters, after the parameters were changed (a model was loaded).
  void copy_values_to_masters();

 private:
  struct Position {
    size_t group;
    size_t idx;  ///< in the group
  };
  Position position_of(const at::Tensor& parameter) const;

  std::vector<FlatGroup> groups_;
};

}  // namespace hecaton
