// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#include "kernels/detail/device.h"

#include <sstream>
#include <string>

#include "core/error.h"

#ifdef HECATON_WITH_CUDA
#include <c10/cuda/CUDAStream.h>
#endif

namespace hecaton::kernels::detail {
namespace {

[[noreturn]] void throw_wrong_device(const char* name,
                                     const std::string& expected,
                                     at::Device found) {
  std::ostringstream out;
  out << name << " is on the wrong device: expected " << expected << " found " << found;
  throw ShapeError(out.str());
}

}  // namespace

void check_devices(std::initializer_list<std::pair<const char*, at::Tensor>> tensors) {
  const auto& [first_name, first] = *tensors.begin();
  if (!first.is_cpu() && !(kHasCuda && first.is_cuda())) {
    throw_wrong_device(first_name, kHasCuda ? "cpu or cuda" : "cpu", first.device());
  }
  for (const auto& [name, tensor] : tensors) {
    if (tensor.defined() && tensor.device() != first.device()) {
      throw_wrong_device(name, first.device().str(), tensor.device());
    }
  }
}

void check_on_cpu(const char* name, const at::Tensor& tensor) {
  if (!tensor.is_cpu()) {
    throw_wrong_device(name, "cpu", tensor.device());
  }
}

FloatType float_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return FloatType::kFloat32;
    case at::kDouble:
      return FloatType::kFloat64;
    case at::kBFloat16:
      return FloatType::kBFloat16;
    case at::kHalf:
      return FloatType::kFloat16;
    default:
      throw InternalError(std::string("no CUDA kernel for dtype ") + c10::toString(dtype));
  }
}

#ifdef HECATON_WITH_CUDA
Stream current_stream(at::Device device) {
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}
#endif

}  // namespace hecaton::kernels::detail
