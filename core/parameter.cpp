// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "core/parameter.h"

#include <set>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "core/check.h"
#include "core/rng.h"
#include "core/shapes.h"

namespace hecaton {

Parameter whole_parameter(std::string name,
                          at::Tensor tensor,
                          DecayClass decay,
                          const InitialValue& initial) {
  Parameter parameter;
  parameter.slices = {{name, tensor.sizes().vec(), 0}};
  parameter.name = std::move(name);
  parameter.tensor = std::move(tensor);
  parameter.decay = decay;
  parameter.initial = initial;
  return parameter;
}

at::Tensor slice_view(const at::Tensor& stored, const NamedSlice& slice) {
  HECATON_CHECK(stored.is_contiguous(), "a stored tensor must be contiguous");
  return stored.view({-1}).narrow(0, slice.offset, num_elements(slice.shape)).view(slice.shape);
}

void initialize_parameters(const std::vector<Parameter>& parameters, uint64_t seed) {
  at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters) {
    for (const NamedSlice& slice : parameter.slices) {
      at::Tensor value = slice_view(parameter.tensor, slice);
      switch (parameter.initial.kind) {
        case InitialValue::Kind::kNormal:
          fill_normal(value, CounterRng(seed, slice.name), parameter.initial.std_dev);
          break;
        case InitialValue::Kind::kOnes:
          value.fill_(1.0);
          break;
        case InitialValue::Kind::kKept:
          break;
      }
    }
  }
}

void check_parameters(const std::vector<Parameter>& parameters) {
  std::set<std::string> names;
  for (const Parameter& parameter : parameters) {
    int64_t end = 0;
    for (const NamedSlice& slice : parameter.slices) {
      HECATON_CHECK(names.insert(slice.name).second, "parameter name used twice: " + slice.name);
      HECATON_CHECK_EQ(
          slice.offset, end, "slices of " + parameter.name + " must follow each other");
      end += num_elements(slice.shape);
    }
    HECATON_CHECK_EQ(end, parameter.tensor.numel(), "slices must cover " + parameter.name);
  }
}

}  // namespace hecaton
