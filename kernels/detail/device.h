// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <initializer_list>
#include <utility>

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "kernels/detail/cuda_kernels.h"

namespace hecaton::kernels::detail {

#ifdef HECATON_WITH_CUDA
inline constexpr bool kHasCuda = true;
#else
inline constexpr bool kHasCuda = false;
#endif

/// Throws ShapeError naming the tensor unless the first is on the CPU or, in a build with CUDA, on
/// a GPU, and all others are on the same device. Undefined tensors are passed over.
void check_devices(std::initializer_list<std::pair<const char*, at::Tensor>> tensors);

/// Throws ShapeError naming `name` unless `tensor` is on the CPU.
void check_on_cpu(const char* name, const at::Tensor& tensor);

/// The CUDA kernels' name of a dtype. InternalError unless it is float32, float64, bfloat16 or
/// float16.
FloatType float_type(at::ScalarType dtype);

/// The caller's current stream on a GPU; defined in builds with CUDA.
Stream current_stream(at::Device device);

/// Calls on_cpu() or, with `device` as the current one, on_cuda(stream). on_cuda takes `auto`, so
/// that a build without CUDA never asks for the kernels that it calls.
template <typename OnCpu, typename OnCuda>
void run_on(at::Device device, const OnCpu& on_cpu, const OnCuda& on_cuda) {
  if constexpr (kHasCuda) {
    if (device.is_cuda()) {
      const c10::DeviceGuard guard(device);
      return on_cuda(current_stream(device));
    }
  }
  on_cpu();
}

}  // namespace hecaton::kernels::detail
