// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Hecaton authors

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include <ATen/Dispatch.h>
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

namespace hecaton::testing {

/// "[2, 0, 5]": the coordinates of element `idx` of a contiguous tensor of these sizes.
inline std::string coordinate_text(int64_t idx, at::IntArrayRef sizes) {
  std::string text;
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    text.insert(0, std::to_string(idx % *size) + (text.empty() ? "" : ", "));
    idx /= *size;
  }
  return "[" + text + "]";
}

/// Distance from 1 to the next number of a floating-point dtype.
inline double epsilon_of(at::ScalarType dtype) {
  return AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, dtype, "epsilon_of", [] {
    return static_cast<double>(std::numeric_limits<scalar_t>::epsilon());
  });
}

/// Expects |actual - reference64| <= factor * epsilon of actual's dtype * max |reference64| in
/// every element, so that an all-zero reference is met exactly. A NaN or an infinity on either side
/// fails. The failure names the caller's line, the worst element and both values.
inline void expect_close(const at::Tensor& actual,
                         const at::Tensor& reference64,
                         double factor,
                         const char* file = __builtin_FILE(),
                         int line = __builtin_LINE()) {
  if (actual.sizes() != reference64.sizes()) {
    ADD_FAILURE_AT(file, line) << "sizes " << actual.sizes() << " expected " << reference64.sizes();
    return;
  }
  const at::Tensor actual64 = actual.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor expected64 = reference64.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* a = actual64.const_data_ptr<double>();
  const double* b = expected64.const_data_ptr<double>();
  double magnitude = 0.0;
  double worst = 0.0;
  int64_t worst_idx = 0;
  for (int64_t i = 0; i < actual64.numel(); ++i) {
    const double error = std::abs(a[i] - b[i]);
    magnitude = std::fmax(magnitude, std::abs(b[i]));
    if (!(error <= worst)) {  // NaN counts as worst, and the first one stays
      worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
      worst_idx = i;
    }
  }
  const double tolerance = factor * epsilon_of(actual.scalar_type()) * magnitude;
  if (!(std::isfinite(worst) && worst <= tolerance)) {
    ADD_FAILURE_AT(file, line) << "worst at " << coordinate_text(worst_idx, actual.sizes())
                               << ": actual " << a[worst_idx] << " reference " << b[worst_idx]
                               << " error " << worst << " tolerance " << tolerance;
  }
}

/// Expects equal dtype, sizes and bits (so NaN equals the same NaN, and 0 differs from -0). The
/// failure names the caller's line, the first differing element and both values.
inline void expect_bitwise_equal(const at::Tensor& actual,
                                 const at::Tensor& expected,
                                 const char* file = __builtin_FILE(),
                                 int line = __builtin_LINE()) {
  if (actual.scalar_type() != expected.scalar_type() || actual.sizes() != expected.sizes()) {
    ADD_FAILURE_AT(file, line) << actual.scalar_type() << actual.sizes() << " expected "
                               << expected.scalar_type() << expected.sizes();
    return;
  }
  const at::Tensor a = actual.detach().cpu().contiguous();
  const at::Tensor b = expected.detach().cpu().contiguous();
  const auto* a_bytes = static_cast<const char*>(a.const_data_ptr());
  const auto* b_bytes = static_cast<const char*>(b.const_data_ptr());
  const auto element_bytes = static_cast<size_t>(a.element_size());
  for (int64_t i = 0; i < a.numel(); ++i) {
    const size_t offset = static_cast<size_t>(i) * element_bytes;
    if (std::memcmp(a_bytes + offset, b_bytes + offset, element_bytes) != 0) {
      ADD_FAILURE_AT(file, line) << "bits differ at " << coordinate_text(i, a.sizes())
                                 << ": actual " << a.view({-1})[i].item() << " expected "
                                 << b.view({-1})[i].item();
      return;
    }
  }
}

}  // namespace hecaton::testing
