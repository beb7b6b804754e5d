// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <ATen/core/Tensor.h>

namespace hecaton::kernels {

#ifdef HECATON_TEST_ON_CUDA
inline constexpr at::DeviceType kDeviceUnderTest = at::kCUDA;
#else
inline constexpr at::DeviceType kDeviceUnderTest = at::kCPU;
#endif

/// The same case tests the CPU kernels in hecaton_kernels_tests and the CUDA kernels in
/// hecaton_kernels_cuda_tests: inputs are made on the CPU, go through on_device(), and results come
/// back with .cpu(). Keeps the strides of a tensor; an undefined one stays so.
inline at::Tensor on_device(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.to(kDeviceUnderTest) : tensor;
}

}  // namespace hecaton::kernels
