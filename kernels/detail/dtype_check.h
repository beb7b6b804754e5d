// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <initializer_list>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/error.h"

namespace hecaton::kernels::detail {

/// Throws ShapeError naming `name` unless the dtype of `tensor` is one of `allowed`.
inline void check_dtype_among(const std::string& name,
                              const at::Tensor& tensor,
                              std::initializer_list<at::ScalarType> allowed) {
  std::string names;
  for (const at::ScalarType dtype : allowed) {
    if (tensor.scalar_type() == dtype) {
      return;
    }
    names += std::string(" ") + c10::toString(dtype);
  }
  throw ShapeError(name + " has the wrong dtype: expected one of" + names + " found " +
                   c10::toString(tensor.scalar_type()));
}

}  // namespace hecaton::kernels::detail
